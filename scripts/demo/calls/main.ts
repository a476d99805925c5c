import { loadAddresses } from "../../../src/chain/addressesFile.ts";
import { LOCAL_CHAIN_ID } from "../../deployment/parameters.ts";
import { playCalls } from "./story.ts";

/** What the calls' process says, one JSON object a line. */
export type CallsLine = { say: string } | { report: Awaited<ReturnType<typeof playCalls>> };

// node scripts/demo/calls/main.ts <rpcUrl> <addresses file> <folder>: plays the calls, in a process of its own, because signing
// a thousand receipts would keep whoever else lives in it waiting.
if (import.meta.main) {
  const [rpcUrl = "", addressesFile = "", folder = ""] = process.argv.slice(2);
  // The channel closes with the process that started this one, however that ends.
  process.once("disconnect", () => process.exit(1));
  const write = (line: CallsLine) => process.stdout.write(`${JSON.stringify(line)}\n`);
  const addresses = await loadAddresses(LOCAL_CHAIN_ID, addressesFile);
  const report = await playCalls(rpcUrl, addresses, folder, (say) => write({ say }));
  write({ report });
  process.disconnect?.();
}
