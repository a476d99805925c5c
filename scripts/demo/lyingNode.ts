// node scripts/demo/lyingNode.ts <rpcUrl> <addresses file> <data folder> <lies every>: an operator's node whose answers
// are wrong in every n-th run. Its log is JSON; its signer's key comes from OPG_SIGNER_PRIVATE_KEY.
import { readFile } from "node:fs/promises";
import type { Hex } from "viem";
import { parseAddresses } from "../../src/chain/addresses.ts";
import { connectChain, signing } from "../../src/chain/clients.ts";
import { runNode } from "../../src/cli/runNode.ts";
import { createOnnxProcess } from "../../src/inference/onnxProcess.ts";
import { createLyingBackend } from "./lyingBackend.ts";

const [rpcUrl = "", addressesFile = "", dataDir = "", liesEvery = ""] = process.argv.slice(2);
const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort());

const addresses = parseAddresses(await readFile(addressesFile, "utf8"));
const privateKey = process.env.OPG_SIGNER_PRIVATE_KEY as Hex;
await runNode({
  chain: signing(await connectChain({ rpcUrl, addresses, privateKey })),
  dataDir,
  backend: createLyingBackend(createOnnxProcess(), Number(liesEvery)),
  serve: "all",
  policy: { minFee: 0n, maxConsumerGas: 500_000 },
  allowPrivateUris: true,
  isJson: true,
  signal: stopping.signal,
});
