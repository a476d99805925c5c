import { type Hex, hexToBytes, type TransactionReceipt } from "viem";
import type { Chain } from "../chain/clients.ts";
import { type CommitteeEvent, committeeEvents } from "../chain/committeeEvents.ts";
import type { LogPlace } from "../chain/contractCall.ts";
import { toProtocolError } from "../chain/contractErrors.ts";
import { type JobEnded, jobsEnded } from "../chain/jobEvents.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type Job, jobIdOf } from "../protocol/job.ts";
import { decodeTensors, type TensorSpec, type TypedArray } from "../protocol/tensor.ts";

/** A job, its id, or what `submitJob` returned (which also says where to begin looking). */
export type AwaitedJob = Hex | Job | { jobId: Hex; txReceipt: Pick<TransactionReceipt, "blockNumber"> };

export type WaitOptions = {
  /** Ten minutes unless told. */
  timeoutMs?: number;
  /** Half a second unless told. */
  pollingIntervalMs?: number;
  /** The first block to look at; the one the job was opened in, or the network's first, unless told. */
  fromBlock?: bigint;
  signal?: AbortSignal;
  /** The manifest's outputs: the result then comes as tensors too. */
  resultSpecs?: readonly TensorSpec[];
  onProgress?: (progress: WaitProgress) => void;
};

/** What happened meanwhile. A failure of the RPC is only told; waiting goes on. */
export type WaitProgress = CommitteeEvent | { kind: "rpc-down"; error: ProtocolError };

export type JobResult = { jobId: Hex /** Where the job ended. */; place: LogPlace } & (
  | {
      status: "settled";
      result: Uint8Array /** One flat array per spec, when specs were given. */;
      tensors?: TypedArray[];
    }
  | { status: "refunded" /** False: the verifier found that there is no result. */; isExpired: boolean }
);

const TIMEOUT_MS = 600_000;
const POLLING_INTERVAL_MS = 500;
/** Blocks looked at again with every poll, because the newest may still change. */
const REORG_BLOCKS = 32n;

/**
 * Waits until a job is settled or refunded, through passing failures of the RPC.
 * @throws ProtocolError `sdk/timeout` (retryable), `sdk/aborted`, or any that waiting can't cure
 */
export async function waitForResult(chain: Chain, awaited: AwaitedJob, options: WaitOptions = {}): Promise<JobResult> {
  const { timeoutMs = TIMEOUT_MS, pollingIntervalMs = POLLING_INTERVAL_MS, signal } = options;
  const jobId = idOf(chain, awaited);
  const endsAt = performance.now() + timeoutMs;
  const poll = createPoll(chain, jobId, options.fromBlock ?? openedIn(chain, awaited), options.onProgress);
  for (;;) {
    throwIfAborted(jobId, signal);
    const ended = await poll();
    if (ended !== undefined) return toResult(ended, options.resultSpecs);
    if (performance.now() + pollingIntervalMs > endsAt) throw timedOut(jobId, timeoutMs);
    await sleep(pollingIntervalMs, signal);
  }
}

function createPoll(chain: Chain, jobId: Hex, firstBlock: bigint, onProgress: WaitOptions["onProgress"]) {
  const told = new Set<string>();
  let fromBlock = firstBlock;
  return async (): Promise<JobEnded | undefined> => {
    try {
      const toBlock = await chain.publicClient.getBlockNumber({ cacheTime: 0 });
      const range = { jobId, fromBlock, toBlock };
      if (onProgress !== undefined) await tellNews(chain, range, told, onProgress);
      const ended = await jobsEnded(chain, range);
      if (toBlock - REORG_BLOCKS > fromBlock) fromBlock = toBlock - REORG_BLOCKS;
      return ended.at(-1);
    } catch (cause) {
      const error = toProtocolError(cause);
      if (!error.isRetryable) throw error;
      onProgress?.({ kind: "rpc-down", error });
      return undefined;
    }
  };
}

async function tellNews(
  chain: Chain,
  range: { jobId: Hex; fromBlock: bigint; toBlock: bigint },
  told: Set<string>,
  onProgress: (progress: WaitProgress) => void,
): Promise<void> {
  for (const event of await committeeEvents(chain, range)) {
    const id = `${event.place.blockHash}:${event.place.logIndex}`;
    if (told.has(id)) continue;
    told.add(id);
    onProgress(event);
  }
}

function toResult(ended: JobEnded, specs: readonly TensorSpec[] | undefined): JobResult {
  const { jobId, place } = ended;
  if (ended.status === "refunded") return { jobId, place, status: "refunded", isExpired: ended.isExpired };
  const result = hexToBytes(ended.result);
  return { jobId, place, status: "settled", result, ...(specs && { tensors: decodeTensors(specs, result) }) };
}

function idOf({ chainId, addresses }: Chain, awaited: AwaitedJob): Hex {
  if (typeof awaited === "string") return awaited.toLowerCase() as Hex;
  return "jobId" in awaited ? awaited.jobId : jobIdOf(awaited, { chainId, escrow: addresses.escrow });
}

function openedIn({ addresses }: Chain, awaited: AwaitedJob): bigint {
  const isSubmitted = typeof awaited === "object" && "txReceipt" in awaited;
  return isSubmitted ? awaited.txReceipt.blockNumber : BigInt(addresses.deployedAtBlock);
}

function throwIfAborted(jobId: Hex, signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new ProtocolError(
    "sdk/aborted",
    `waiting for job ${jobId} was aborted; the job goes on: wait again to get its result`,
    {
      cause: signal.reason,
    },
  );
}

function timedOut(jobId: Hex, timeoutMs: number): ProtocolError {
  return new ProtocolError(
    "sdk/timeout",
    `job ${jobId} hasn't ended within ${timeoutMs} ms: wait again, or refund it once it has expired`,
    { isRetryable: true },
  );
}

/** Ends early when aborted. */
async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish);
  });
}
