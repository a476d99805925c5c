import { createServer } from "node:net";
import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, keccak256, parseEventLogs } from "viem";
import { digitReaderAbi } from "../../src/chain/abi/digitReader.ts";
import { jobEscrowAbi } from "../../src/chain/abi/jobEscrow.ts";
import { chainTime, type SigningChain } from "../../src/chain/clients.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import { packTerms } from "../../src/protocol/commitRevealTerms.ts";
import type { Job } from "../../src/protocol/job.ts";
import { decodeTensors } from "../../src/protocol/tensor.ts";
import { type JobResult, quoteJob, refundJob, submitJob, waitForResult } from "../../src/sdk/index.ts";
import type { DemoRequest } from "./requests.ts";
import type { DemoModel } from "./stage.ts";

export type PlayedJob = { jobId: Hex; job: Job; request: DemoRequest; model: DemoModel };
export type EndedJob = PlayedJob & { ended: JobResult; predicted: string | null; expected: string };

/** Committing may widen twice; revealing and settling are over as soon as all have, so room for them costs no time. */
const TERMS = { commitWindowSeconds: 10, maxWidening: 2, revealWindowSeconds: 120, settleWindowSeconds: 120 };
/** The local chain's shortest windows, for the job that nobody answers. */
const SHORTEST_TERMS = { commitWindowSeconds: 8, maxWidening: 0, revealWindowSeconds: 3, settleWindowSeconds: 3 };
/** Far above the client's own keys, which count from zero. */
const CONSUMER_KEY = 7n;
const JOB_TIMEOUT_MS = 100_000;
/** Expiry of the job nobody can answer: all its windows, and what a busy machine takes until the opening is mined. */
const UNREACHABLE_LIFE_SECONDS = 42;

/** Opens one request's job. */
export async function playRequest(
  payer: SigningChain,
  consumer: Address,
  model: DemoModel,
  request: DemoRequest,
): Promise<PlayedJob> {
  const { jobId, job } = await openJob(payer, consumer, model, request);
  return { jobId, job, request, model };
}

async function openJob(payer: SigningChain, consumer: Address, model: DemoModel, request: DemoRequest) {
  const { modelId, manifest } = model;
  const { inputBytes } = request.sample;
  if (request.via === "consumer") return askThroughContract(payer, consumer, model, inputBytes);
  if (request.via === "client") return submitJob(payer, { modelId, manifest, input: inputBytes, terms: TERMS });
  const uri = `http://127.0.0.1:${await unusedPort()}/picture`;
  return submitJob(payer, {
    modelId,
    manifest,
    input: { uri, inputHash: keccak256(inputBytes) },
    terms: SHORTEST_TERMS,
    expiresInSeconds: UNREACHABLE_LIFE_SECONDS,
  });
}

/** The contract opens the job itself; the job is read from the transaction's log. */
async function askThroughContract(payer: SigningChain, consumer: Address, { modelId }: DemoModel, picture: Uint8Array) {
  const quote = await quoteJob(payer, { modelId, terms: TERMS });
  const request = {
    modelId,
    verifier: payer.addresses.verifier,
    verifierData: packTerms(quote.terms),
    fee: quote.fee,
    expiresAt: quote.expiresAt,
    key: CONSUMER_KEY,
    royaltyPpm: quote.model.royaltyPpm,
    protocolFeePpm: quote.protocolFeePpm,
  };
  const input = `0x${Buffer.from(picture).toString("hex")}` as const;
  const data = encodeFunctionData({ abi: digitReaderAbi, functionName: "ask", args: [request, input] });
  const { logs } = await sendCall(payer, { to: consumer, data, name: "DigitReader.ask" });
  const [opened] = parseEventLogs({ abi: jobEscrowAbi, logs, eventName: "JobOpened" });
  if (!opened) throw new Error("the consumer contract opened no job");
  return { jobId: opened.args.jobId, job: opened.args.job };
}

/** Waits for a job's end; one whose input nobody serves is refunded once it has expired, by anyone. */
export async function awaitEnd(settler: SigningChain, played: PlayedJob, signal: AbortSignal): Promise<EndedJob> {
  const { job, jobId, request, model } = played;
  if (request.via === "unreachable") {
    await expired(settler, job, signal);
    await refundJob(settler, job);
  }
  const ended = await waitForResult(settler, job, { timeoutMs: JOB_TIMEOUT_MS, signal });
  const { labels, outputs } = model.manifest;
  const predicted =
    ended.status === "settled" ? (labels[argmax(decodeTensors(outputs, ended.result)[0])] ?? null) : null;
  return { jobId, job, request, model, ended, predicted, expected: labels[request.sample.label] ?? "?" };
}

async function expired(chain: SigningChain, job: Job, signal: AbortSignal): Promise<void> {
  while ((await chainTime(chain)) < job.expiresAt) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The digit the consumer contract keeps, as its callback read it. */
export async function answerOf({ publicClient }: SigningChain, consumer: Address, jobId: Hex): Promise<string | null> {
  const call = { abi: digitReaderAbi, functionName: "answers" } as const;
  const { data } = await publicClient.call({ to: consumer, data: encodeFunctionData({ ...call, args: [jobId] }) });
  const [, isAnswered, digit] = decodeFunctionResult({ ...call, data: data ?? "0x" });
  return isAnswered ? String(digit) : null;
}

function argmax(logits: ArrayLike<number> | undefined): number {
  return Array.from(logits ?? []).reduce(
    (best, logit, index, all) => (logit > (all[best] ?? -Infinity) ? index : best),
    0,
  );
}

/** A port of the loopback that refuses connections. */
async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port on the loopback");
  return address.port;
}
