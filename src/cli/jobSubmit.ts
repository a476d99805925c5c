import type { Address, Hex } from "viem";
import { keccak256, zeroAddress } from "viem";
import { chainTime } from "../chain/clients.ts";
import { seatsOf } from "../chain/committeeEvents.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { parseOpg } from "../protocol/units.ts";
import { jobHistory } from "../sdk/jobHistory.ts";
import type { JobInput } from "../sdk/jobInput.ts";
import { type SubmitOptions, type SubmitProgress, type SubmittedJob, submitJob } from "../sdk/submitJob.ts";
import { type JobResult, type WaitProgress, waitForResult } from "../sdk/waitForResult.ts";
import { findModel, type NamedModel } from "./catalogue.ts";
import { encodeInputFile, type InputOptions } from "./inputOptions.ts";
import { describeEvent, describeMeaning, meaningOf } from "./jobAnswer.ts";
import { type Answer, lines, opg, time } from "./output.ts";
import type { Session } from "./session.ts";

export type SubmitCommandOptions = InputOptions & {
  model: string;
  inputUri?: string;
  inputHash?: Hex;
  fee?: bigint;
  maxFee?: bigint;
  bond?: bigint;
  committee?: number;
  widening?: number;
  commitWindow?: number;
  revealWindow?: number;
  settleWindow?: number;
  expiresIn?: number;
  key?: bigint;
  consumer?: Address;
  consumerGas?: number;
  deposit: boolean;
  wait: boolean;
  /** Seconds. */
  timeout: number;
};

/** For blocks to come, and for a settlement at the last moment to be seen. */
const GRACE_SECONDS = 5;

/** A price above it, which its publisher may have set a moment ago, is only paid when somebody has said so. */
const MAX_PRICE = parseOpg("10");

/** `opg job submit`: opens a job and waits for its answer. */
export async function submit(session: Session, options: SubmitCommandOptions): Promise<Answer> {
  const chain = await session.signingChain();
  const model = await findModel(session, options.model);
  const { input, notes } = await jobInput(session, model.manifest, options);
  for (const note of notes) session.progress.say(note);
  const submitted = await submitJob(chain, { ...toSubmitOptions(options, model), input, onProgress: tell });
  if (!options.wait) return opened(model, submitted, notes);
  session.progress.begin("waiting for operators to take seats (are nodes running that serve this model?)");
  const ended = await waitUntilEnded(session, submitted, options.timeout);
  return ended === undefined
    ? stillOpen(model, submitted, notes, options.timeout, (await chainTime(chain)) >= submitted.job.expiresAt)
    : answered(session, model, submitted, ended, notes);

  function tell(progress: SubmitProgress): void {
    if (progress.stage === "opening") {
      session.terminal.ifStopped = `job ${progress.jobId} may be open and goes on: opg job status ${progress.jobId}`;
    }
    session.progress.say(
      "jobId" in progress ? `${progress.stage} job ${progress.jobId}` : `${progress.stage} ${opg(progress.amount)}`,
    );
  }
}

async function jobInput(
  session: Session,
  manifest: Manifest,
  options: SubmitCommandOptions,
): Promise<{ input: JobInput; notes: string[] }> {
  const { input: path, inputUri, inputHash } = options;
  if (inputHash !== undefined && (inputUri === undefined || path !== undefined)) {
    throw usage("--input-hash goes with --input-uri alone");
  }
  if (path === undefined) {
    if (inputUri === undefined) throw usage("there is no input: pass --input <file>, or --input-uri");
    if (inputHash === undefined) throw usage("--input-uri needs the input's hash: add --input-hash, or --input <file>");
    return { input: { uri: inputUri, inputHash }, notes: [] };
  }
  const { bytes, notes } = await encodeInputFile(session, path, manifest, options);
  if (inputUri === undefined) return { input: bytes, notes };
  const hash = keccak256(bytes);
  return {
    input: { uri: inputUri, inputHash: hash },
    notes: [...notes, `the URI must serve ${bytes.length} bytes of hash ${hash}`],
  };
}

function usage(message: string): ProtocolError {
  return new ProtocolError("usage/input", message);
}

function toSubmitOptions(
  options: SubmitCommandOptions,
  { published, manifest }: NamedModel,
): Omit<SubmitOptions, "input"> {
  return defined({
    modelId: published.modelId,
    manifest,
    fee: options.fee,
    maxFee: options.maxFee ?? (options.fee === undefined ? MAX_PRICE : undefined),
    bond: options.bond,
    expiresInSeconds: options.expiresIn,
    key: options.key,
    consumer: options.consumer,
    consumerGasLimit: options.consumerGas,
    autoDeposit: options.deposit,
    terms: defined({
      committeeSize: options.committee,
      maxWidening: options.widening,
      commitWindowSeconds: options.commitWindow,
      revealWindowSeconds: options.revealWindow,
      settleWindowSeconds: options.settleWindow,
    }),
  });
}

/** What was given, without what was left out. */
function defined<T extends object>(fields: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

/** Undefined when the time was over first, or the job's. */
async function waitUntilEnded(
  session: Session,
  submitted: SubmittedJob,
  timeoutSeconds: number,
): Promise<JobResult | undefined> {
  const { jobId } = submitted;
  session.terminal.ifStopped = `job ${jobId} stays open and goes on: npx opg job status ${jobId}`;
  const onProgress = (news: WaitProgress) => {
    session.progress.say(news.kind === "rpc-down" ? news.error.message : describeEvent(news));
    session.progress.begin("waiting for the committee");
  };
  const chain = await session.chain();
  // Past its expiry a job without a result is only refunded, by whoever asks.
  const leftSeconds = Math.max(submitted.job.expiresAt - (await chainTime(chain)), 0) + GRACE_SECONDS;
  try {
    const timeoutMs = Math.min(timeoutSeconds, leftSeconds) * 1000;
    return await waitForResult(chain, submitted, { timeoutMs, onProgress });
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "sdk/timeout") return undefined;
    throw error;
  }
}

function basics({ published, manifest }: NamedModel, { jobId, job, txReceipt }: SubmittedJob, notes: string[]) {
  return {
    json: {
      jobId,
      modelId: published.modelId,
      model: manifest.name,
      modelVersion: manifest.version,
      payer: job.payer,
      fee: job.fee,
      inputHash: job.inputHash,
      expiresAt: job.expiresAt,
      openedIn: txReceipt.transactionHash,
      notes,
    },
    pairs: [
      ["job", jobId],
      ["model", `${manifest.name} ${manifest.version} (${published.modelId})`],
      ["fee", opg(job.fee)],
      ["consumer", job.consumer === zeroAddress ? undefined : job.consumer],
      ["opened in", txReceipt.transactionHash],
    ] satisfies [string, string | undefined][],
  };
}

function opened(model: NamedModel, submitted: SubmittedJob, notes: string[]): Answer {
  const { json, pairs } = basics(model, submitted, notes);
  const { jobId, job } = submitted;
  const next: [string, string][] = [
    ["expires", time(job.expiresAt)],
    ["look at it", `opg job status ${jobId}`],
  ];
  return { json: { ...json, status: "open" }, text: lines([...pairs, ...next]) };
}

function stillOpen(
  model: NamedModel,
  submitted: SubmittedJob,
  notes: string[],
  timeout: number,
  isExpired: boolean,
): Answer {
  const { json, text } = opened(model, submitted, notes);
  const what = isExpired
    ? `no answer before the job expired; npx opg job refund ${submitted.jobId} brings the fee back`
    : `no answer within ${timeout} s; the job stays open`;
  return { json: { ...json, isExpired }, text: `${what}\n${text}`, failed: true };
}

async function answered(
  session: Session,
  model: NamedModel,
  submitted: SubmittedJob,
  ended: JobResult,
  notes: string[],
): Promise<Answer> {
  const { json, pairs } = basics(model, submitted, notes);
  const { committee } = await jobHistory(await session.chain(), submitted.jobId);
  const seats = seatsOf(committee);
  const operators = seats.map(({ operatorId }) => operatorId);
  const common = { ...json, status: ended.status, committee: operators, endedIn: ended.place.transactionHash };
  const tail: [string, string][] = [
    ["committee", operators.length === 0 ? "nobody" : `operators ${operators.join(", ")}`],
    ["ended in", ended.place.transactionHash],
  ];
  if (ended.status === "refunded") {
    const text = `there is no result; the fee is back in the payer's escrow balance\n${lines([...pairs, ...tail])}`;
    return { json: { ...common, isExpired: ended.isExpired }, text, failed: true };
  }
  tail.unshift(["status", "settled"]);
  const meaning = meaningOf(model.manifest, ended.result);
  return {
    json: { ...common, ...meaning },
    text: lines([...describeMeaning(meaning), ...pairs, ...tail]),
  };
}
