import type { Hex } from "viem";
import type { SigningChain } from "../chain/clients.ts";
import type { JobOpened } from "../chain/jobEvents.ts";
import { createFetchUri, type FetchUri } from "../fetch/fetchUri.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { jobIdOf } from "../protocol/job.ts";
import { createRelayer } from "../relayer/relayer.ts";
import { accept } from "./accept.ts";
import { commit } from "./commit.ts";
import { infer } from "./infer.ts";
import type { ModelShelf } from "./models.ts";
import { retrying } from "./retry.ts";
import { reveal } from "./reveal.ts";
import { settle } from "./settle.ts";
import type { NodeContext, NodeEvent } from "./task.ts";
import { createWatch } from "./watch.ts";

export type NodeOptions = {
  /** Signs with the operator's signer. */
  chain: SigningChain;
  operatorId: number;
  models: ModelShelf;
  /** Fetches inputs; from public addresses only unless told. */
  fetchUri?: FetchUri;
  /** 32 random bytes that never leave the node; whoever has them can guess its unrevealed results. */
  secret: Hex;
  /** First block to look at. */
  fromBlock: bigint;
  pollingIntervalMs?: number;
  onEvent?: (event: NodeEvent) => void;
  /** A poll of the chain that failed and will be tried again. */
  onError?: (error: unknown) => void;
};

export type OperatorNode = {
  /** Stops taking jobs, leaves the ones under way where they are, and waits until nothing runs any more. */
  stop(): Promise<void>;
};

const POLLING_INTERVAL_MS = 400;

/** An operator's node: follows the chain and takes every job it is drawn for through all its stops. */
export function startNode(options: NodeOptions): OperatorNode {
  const { chain, operatorId, models, secret } = options;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const report = options.onEvent ?? (() => {});
  const watch = createWatch({
    chain,
    fromBlock: options.fromBlock,
    pollingIntervalMs: options.pollingIntervalMs ?? POLLING_INTERVAL_MS,
    signal: stopping.signal,
    onError: options.onError ?? (() => {}),
    onJob(opened) {
      const done = follow(opened).finally(() => running.delete(done));
      running.add(done);
    },
  });
  const context: NodeContext = {
    chain,
    relayer: createRelayer(chain),
    head: watch,
    models,
    fetchUri: options.fetchUri ?? createFetchUri(),
    operatorId,
    secret,
    report,
  };

  async function follow(opened: JobOpened): Promise<void> {
    const { jobId } = opened;
    try {
      checkJobId(chain, opened);
      await followJob(context, opened);
    } catch (error) {
      if (stopping.signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      report({ jobId, operatorId, step: "failed", reason });
    }
  }

  const watching = watch.run();
  return {
    async stop() {
      stopping.abort(new Error("the node stops"));
      await watching;
      await Promise.all(running);
    },
  };
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

/** The way of one job through a node. */
async function followJob(context: NodeContext, opened: JobOpened): Promise<void> {
  const { operatorId, report } = context;
  const { jobId } = opened;
  const acceptance = await retrying(context, () => accept(context, opened));
  if (!acceptance.accepted) return report({ jobId, operatorId, step: "declined", reason: acceptance.reason });
  report({ jobId, operatorId, step: "accepted", wideningStep: acceptance.wideningStep });

  const startedAt = performance.now();
  const result = await infer(context, opened);
  const durationMs = Math.round(performance.now() - startedAt);
  const { seat, txReceipt } = await retrying(context, () => commit(context, opened, acceptance.seedHash, result));
  report({ jobId, operatorId, step: "inferred", resultHash: seat.resultHash, durationMs });
  report({ jobId, operatorId, step: "committed", transactionHash: txReceipt?.transactionHash ?? null });

  const revealed = await retrying(context, () => reveal(context, seat));
  if (revealed.outcome === "evicted") {
    return report({ jobId, operatorId, step: "ended", how: "a lower draw took the seat" });
  }
  report({ jobId, operatorId, step: "revealed", transactionHash: revealed.txReceipt?.transactionHash ?? null });

  const settled = await retrying(context, () => settle(context, seat));
  if (!settled) return report({ jobId, operatorId, step: "ended", how: "not ours to settle" });
  report({ jobId, operatorId, step: "settled", transactionHash: settled.transactionHash });
}
