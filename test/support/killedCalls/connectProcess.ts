import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { asJsonLine, ended, seldom } from "../../../src/cli/daemonLog.ts";
import { openConnect } from "../../../src/connect/openConnect.ts";
import type { GatewayPlace } from "../../../src/connect/operators.ts";
import { serveConnect } from "../../../src/connect/server.ts";
import { type ReceiptJson, receiptToJson } from "../../../src/protocol/receiptJson.ts";
import type { ProofState } from "../../../src/store/paidCalls.ts";
import { createEnding } from "./ending.ts";
import { connectEnding, type EndingChainOptions } from "./endingChain.ts";

/** What a local end that can be told where to end is started with. */
export type ConnectProcessOptions = EndingChainOptions & {
  dataDir: string;
  gateways: readonly GatewayPlace[];
  /** OPG base units, decimal. */
  budget: string;
  deposit: string;
  challenge: boolean;
  endingFile: string;
};

/** What it says of itself when it is asked. Amounts are OPG base units, decimal. */
export type ConnectBooks = {
  owed: string;
  uncertain: string;
  receipts: (ReceiptJson & { receiptId: string; proof: ProofState })[];
};

// node connectProcess.ts <options as JSON>: what `opg connect` does, until it is stopped or ends itself; and another server
// that shows its books.
const options = JSON.parse(process.argv[2] ?? "") as ConnectProcessOptions;
const say = (line: object) => process.stdout.write(`${asJsonLine(line)}\n`);
const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());

const step = createEnding(options.endingFile);
const { dataDir, gateways: operators, budget, deposit, challenge } = options;
const connect = await openConnect({
  ...{ chain: await connectEnding(options, step), dataDir, operators, challenge, allowPrivateGateways: true },
  ...{ budget: BigInt(budget), deposit: BigInt(deposit), onStep: step },
  intervals: {
    ...{ pollingMs: 250, refreshMs: 1_000, resolveMs: 250, forgottenAfterSeconds: 3, idleMs: 300, proveMs: 500 },
  },
  onError: seldom((trouble) => say({ event: "trouble", ...trouble })),
});
const server = await serveConnect(connect, { port: 0 });
const books = createServer((_, response) => {
  void show().then((text) => response.end(text));
});
await new Promise<void>((resolve) => books.listen(0, "127.0.0.1", resolve));
say({ event: "started", url: server.url, booksUrl: `http://127.0.0.1:${(books.address() as AddressInfo).port}` });
await ended(stopping.signal);
books.close();
await server.close();
await connect.close();
say({ event: "stopped" });
if (process.connected) process.disconnect();

async function show(): Promise<string> {
  const { owed, uncertain } = await connect.balance();
  const receipts = (await connect.receipts(100_000)).map(({ receiptId, proof, ...portable }) => ({
    ...receiptToJson(portable),
    ...{ receiptId, proof },
  }));
  return JSON.stringify({ owed: String(owed), uncertain: String(uncertain), receipts } satisfies ConnectBooks);
}
