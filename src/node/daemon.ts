import { type Hex, keccak256 } from "viem";
import type { SigningChain } from "../chain/clients.ts";
import type { JobOpened } from "../chain/jobEvents.ts";
import type { FetchUri } from "../fetch/fetchUri.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { jobIdOf } from "../protocol/job.ts";
import { oneLine } from "../protocol/oneLine.ts";
import { createRelayer, type MinedTransaction } from "../relayer/relayer.ts";
import type { JobProgress, StoredJob } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import { accept } from "./accept.ts";
import { commit } from "./commit.ts";
import { infer } from "./infer.ts";
import type { ModelShelf } from "./models.ts";
import { insisting, retrying, retryingSome } from "./retry.ts";
import { reveal } from "./reveal.ts";
import { settle } from "./settle.ts";
import { createNodeTurns, type NodeContext, type NodeEvent, type NodePolicy } from "./task.ts";
import { createWatch } from "./watch.ts";

export type NodeOptions = {
  /** Signs with the operator's signer. */
  chain: SigningChain;
  operatorId: number;
  models: ModelShelf;
  /** For inputs that aren't inline. */
  fetchUri: FetchUri;
  /** Of this operator and chain only; whatever was under way in it goes on. */
  store: Store;
  policy: NodePolicy;
  /** 32 random bytes that never leave the node; whoever has them can guess its unrevealed results. */
  secret: Hex;
  pollingIntervalMs?: number;
  onEvent?: (event: NodeEvent) => void;
  /** A poll of the chain, or a send, that failed and will be tried again. */
  onError?: (error: unknown) => void;
};

export type OperatorNode = {
  /** Stops taking jobs, leaves the ones under way where they are, and waits until nothing runs any more. */
  stop(): Promise<void>;
};

type Save = (progress: JobProgress) => Promise<void>;

const POLLING_INTERVAL_MS = 400;
const MAX_TRIES = 5;
/** Whoever names an input's URI makes all nodes fetch it: not without end. */
const INFER_ATTEMPTS = 5;

/** An operator's node: follows the chain and takes every job it is drawn for through all its stops. */
export async function startNode(options: NodeOptions): Promise<OperatorNode> {
  const { chain, operatorId, models, fetchUri, store, policy, secret } = options;
  const { onEvent = () => {}, onError = () => {} } = options;
  /** Reasons hold strangers' words. */
  const report = (event: NodeEvent) => onEvent("reason" in event ? { ...event, reason: oneLine(event.reason) } : event);
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const watch = createWatch({
    chain,
    jobs: store.jobs,
    pollingIntervalMs: options.pollingIntervalMs ?? POLLING_INTERVAL_MS,
    signal: stopping.signal,
    onError,
    onJob: (opened) => start({ opened, stage: "opened", seedHash: null, result: null }),
  });
  const nextBlock = () => {
    const { number } = watch.latest();
    return watch.until((newer) => newer.number > number);
  };
  const relayer = createRelayer({ chain, outbox: store.outbox, nextBlock, onError });
  const context: NodeContext = {
    chain,
    relayer,
    head: watch,
    models,
    fetchUri,
    turns: createNodeTurns(),
    signal: stopping.signal,
    operatorId,
    policy,
    secret,
    report,
  };

  function start(job: StoredJob): void {
    keep(follow(job));
  }

  function keep(work: Promise<void>): void {
    const done = work.finally(() => running.delete(done));
    running.add(done);
  }

  async function follow(job: StoredJob): Promise<void> {
    const { jobId } = job.opened;
    const save: Save = (progress) => store.jobs.advance(jobId, progress);
    const note: Save = (progress) => save(progress).catch(onError);
    try {
      checkJobId(chain, job.opened);
      await watch.until(({ number }) => number >= 0n);
      if (job.result === null) checkTries(await store.jobs.countTry(jobId));
      await save({ stage: "ended", outcome: oneLine(await followJob(context, job, save, note)) });
    } catch (error) {
      if (stopping.signal.aborted) return;
      const reason = oneLine(error instanceof Error ? error.message : String(error));
      report({ jobId, operatorId, step: "failed", reason });
      await save({ stage: "ended", outcome: reason }).catch(onError);
    }
  }

  for (const job of await store.jobs.underWay()) {
    report({ jobId: job.opened.jobId, operatorId, step: "resumed", stage: job.stage });
    start(job);
  }
  keep(relayer.resume());
  const watching = watch.run();
  return {
    async stop() {
      stopping.abort(new Error("the node stops"));
      await watching;
      await Promise.all(running);
    },
  };
}

/** What may have ended the process each time is left alone in the end; nothing is at stake before a commit. */
function checkTries(tries: number): void {
  if (tries <= MAX_TRIES) return;
  throw new ProtocolError(
    "node/too-many-tries",
    `the node ended ${MAX_TRIES} times while it was about this job: it leaves the job alone`,
  );
}

/** A commitment to another jobId than the job's could never be revealed: the RPC node isn't believed. */
function checkJobId({ chainId, addresses }: SigningChain, { jobId, job }: JobOpened): void {
  const recomputed = jobIdOf(job, { chainId, escrow: addresses.escrow });
  if (recomputed === jobId) return;
  throw new ProtocolError(
    "node/job-id-mismatch",
    `got job ${jobId}, its terms hash to ${recomputed}: the RPC node doesn't tell the truth, use another`,
  );
}

/**
 * The way of one job through a node, from wherever an earlier life of it had come. A step that is done twice because
 * the first time wasn't saved does no harm: the result is the same, and what is sent has one purpose.
 * @param note saves if it can: once a bond is locked, no store keeps a job from going on
 * @returns how it ended
 */
async function followJob(context: NodeContext, stored: StoredJob, save: Save, note: Save): Promise<string> {
  const { operatorId, report } = context;
  const { opened } = stored;
  const { jobId } = opened;
  const sent = (step: "committed" | "revealed" | "settled", transaction: MinedTransaction | null) =>
    report({ jobId, operatorId, step, transactionHash: transaction?.transactionHash ?? null });
  const end = (how: string) => {
    report({ jobId, operatorId, step: "ended", how });
    return how;
  };

  const drawn = stored.seedHash ?? (await takeJob(context, opened, save));
  if (typeof drawn === "object") return drawn.declined;
  const result = stored.result ?? (await runModel(context, opened, save));

  const committed = await retrying(context, opened, () => commit(context, opened, drawn, result));
  await note({ stage: "committed" });
  sent("committed", committed);

  const revealed = await insisting(context, opened, () => reveal(context, opened, result));
  if (revealed === undefined) return end("the job is over");
  if (revealed.outcome === "evicted") return end("a lower draw took the seat");
  await note({ stage: "revealed" });
  sent("revealed", revealed.transaction);

  const settled = await insisting(context, opened, () => settle(context, opened, result));
  if (settled === undefined) return end("the job is over");
  if (typeof settled === "string") return end(settled);
  sent("settled", settled);
  return "settled";
}

/** @returns the hash of the seed block the job was drawn under */
async function takeJob(context: NodeContext, opened: JobOpened, save: Save): Promise<Hex | { declined: string }> {
  const { operatorId, report } = context;
  const { jobId } = opened;
  const acceptance = await retrying(context, opened, () => accept(context, opened));
  if (!acceptance.accepted) {
    report({ jobId, operatorId, step: "declined", reason: acceptance.reason });
    return { declined: acceptance.reason };
  }
  const { seedHash, wideningStep } = acceptance;
  await save({ stage: "accepted", seedHash });
  report({ jobId, operatorId, step: "accepted", wideningStep });
  return seedHash;
}

async function runModel(context: NodeContext, opened: JobOpened, save: Save): Promise<Uint8Array> {
  const { operatorId, report } = context;
  const startedAt = performance.now();
  const result = await retryingSome(context, opened, INFER_ATTEMPTS, () => infer(context, opened));
  await save({ stage: "inferred", result });
  const durationMs = Math.round(performance.now() - startedAt);
  report({ jobId: opened.jobId, operatorId, step: "inferred", resultHash: keccak256(result), durationMs });
  return result;
}
