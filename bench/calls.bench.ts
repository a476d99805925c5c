// What the gateway and the local end add to a call, against two bare proxies on the same library in front of the same upstream,
// which answers after 200 ms: real processes, a real chain, each call paid, signed, stored and checked. Latencies are of one
// client, asking the two ways in turn, in processes that have been at work for a while, as daemons are: both ways have had
// WARM_UP calls before; what the very first calls take is given beside. Throughput is of many at a time. Writes
// bench/results/calls.json.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startOpgProcess } from "../scripts/calls/opgProcess.ts";
import { startFakeLlamaServer } from "../scripts/calls/providers/FakeLlamaServer.ts";
import { stageCalls, startConnect, startGateway } from "../scripts/calls/stage.ts";
import { areAllOk } from "../src/protocol/check.ts";
import { parseReceipt } from "../src/protocol/receiptJson.ts";
import { parseOpg } from "../src/protocol/units.ts";
import { verifyReceipt } from "../src/sdk/index.ts";
import { writeResults } from "../test/support/results.ts";
import { askOnce, load, percentile } from "./calls/load.ts";

const DELAY_MS = 200;
const COLD = 20;
const WARM_UP = Number(process.env.BENCH_WARM_UP ?? 1_000);
const REQUESTS = Number(process.env.BENCH_REQUESTS ?? 300);
const AT_A_TIME = 16;
const BARE_PROXY = fileURLToPath(new URL("./calls/bareProxy.ts", import.meta.url));

const folder = await mkdtemp(join(tmpdir(), "opg-bench-"));
const upstream = await startFakeLlamaServer();
upstream.delayMs = DELAY_MS;
const stage = await stageCalls(folder, 1);
try {
  await measure();
} finally {
  await stage.stop();
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

async function measure(): Promise<void> {
  const [operator] = stage.operators;
  if (operator === undefined) throw new Error("there is no operator");
  const models = { "local/bench": { price: { input: "0.000001", output: "0.000002" } } };
  const config = { listen: { port: 0 }, providers: { local: { baseUrl: upstream.baseUrl } }, models };
  const gateway = await startGateway(stage, operator, { name: "gateway", config });
  const known = ["--gateway", `${operator.operatorId}=${gateway.started.url}`];
  const connect = await startConnect(stage, { name: "connect", args: known });
  const inner = await startOpgProcess<{ url: string }>({ script: BARE_PROXY, args: [upstream.baseUrl] });
  const outer = await startOpgProcess<{ url: string }>({ script: BARE_PROXY, args: [inner.started.url] });
  const [ours, bare] = [connect.started.url, outer.started.url];

  for (const url of [ours, bare]) await load(url, 1, 1); // opens the channel
  const cold = await askInTurn({ bare, ours }, COLD);
  for (const url of [ours, bare]) await load(url, WARM_UP, AT_A_TIME);
  const latencies = await askInTurn({ bare, ours }, REQUESTS);
  const many = { bare: await load(bare, 2 * REQUESTS, AT_A_TIME), ours: await load(ours, 2 * REQUESTS, AT_A_TIME) };
  const verifyReceiptMs = await timeVerification(ours);
  await connect.stop();
  await gateway.stop();
  for (const proxy of [inner, outer]) await proxy.kill();

  const added = (share: number, { ours, bare } = latencies) =>
    100 * (percentile(ours, share) / percentile(bare, share) - 1);
  const results = {
    ...{ addedLatencyP50Pct: round(added(0.5)), addedLatencyP99Pct: round(added(0.99)) },
    throughputRatio: round(many.ours.requestsPerSecond / many.bare.requestsPerSecond),
    verifyReceiptMs: round(verifyReceiptMs),
    conditions: {
      ...{ upstreamMs: DELAY_MS, requests: REQUESTS, warmUp: WARM_UP },
      ...{ atATime: AT_A_TIME, store: "PGlite", processes: 4 },
    },
    measured: {
      firstCallsAddedP50Pct: round(added(0.5, cold)),
      p50Ms: { bare: round(percentile(latencies.bare, 0.5)), ours: round(percentile(latencies.ours, 0.5)) },
      p99Ms: { bare: round(percentile(latencies.bare, 0.99)), ours: round(percentile(latencies.ours, 0.99)) },
      requestsPerSecond: { bare: round(many.bare.requestsPerSecond), ours: round(many.ours.requestsPerSecond) },
    },
  };
  console.log(JSON.stringify(results, null, 2));
  if (!process.argv.includes("--check")) await writeResults("calls", results);
  const isGoodEnough = results.addedLatencyP50Pct <= 5 && results.throughputRatio >= 0.5;
  if (!isGoodEnough) process.exitCode = 1;
}

/** One call each way after the other. @returns milliseconds */
async function askInTurn({ bare, ours }: Record<"bare" | "ours", string>, count: number) {
  const latencies = { ours: [] as number[], bare: [] as number[] };
  for (let n = 0; n < count; n++) {
    latencies.bare.push(await askOnce(bare));
    latencies.ours.push(await askOnce(ours));
  }
  return latencies;
}

/** All that can be checked of a receipt with a chain and nothing else. @returns median milliseconds */
async function timeVerification(url: string): Promise<number> {
  const answer = await fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "local/bench", messages: [{ role: "user", content: "?" }], max_tokens: 16 }),
  });
  await answer.arrayBuffer();
  const kept = await fetch(`${url}/receipts/${answer.headers.get("x-opg-receipt-id")}`);
  const receipt = parseReceipt(await kept.text());
  const times: number[] = [];
  for (let n = 0; n < 20; n++) {
    const startedAt = performance.now();
    const { checks } = await verifyReceipt(stage.payer, receipt, { maxPrice: parseOpg("1") });
    times.push(performance.now() - startedAt);
    if (!areAllOk(checks)) throw new Error(`the receipt isn't true: ${JSON.stringify(checks)}`);
  }
  return percentile(times, 0.5);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
