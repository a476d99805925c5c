import type { SigningChain } from "../chain/clients.ts";
import { rethrow } from "../chain/contractErrors.ts";
import { type JobOpened, jobsOpened } from "../chain/jobEvents.ts";
import { pause } from "../chain/pause.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { JobTable } from "../store/jobs.ts";

export type Head = { number: bigint; timestamp: number };

/** The newest block this node has seen, and waiting for newer ones. */
export type ChainHead = {
  latest(): Head;
  /** Resolves with the first head that passes; rejects with the signal's reason when the node stops. */
  until(passes: (head: Head) => boolean): Promise<Head>;
};

/** Stop 3 of a job's way: follows the chain block by block and hands over every new job that names our verifier. */
export type Watch = ChainHead & { run(): Promise<void> };

type Waiter = {
  passes: (head: Head) => boolean;
  resolve: (head: Head) => void;
  reject: (reason: unknown) => void;
};

export type WatchOptions = {
  chain: SigningChain;
  jobs: JobTable;
  pollingIntervalMs: number;
  signal: AbortSignal;
  /** A job that is in the store now for the first time. */
  onJob: (opened: JobOpened) => void;
  /** A failed poll: it is tried again, nothing is skipped. */
  onError: (error: unknown) => void;
};

/** A new node looks back so far, for jobs that can still be taken and for seats of a store that was lost. */
const FIRST_LOOK_BLOCKS = 1_000n;
/** RPC nodes bound what one request may look through. */
const MAX_RANGE_BLOCKS = 2_000n;
/** An RPC further behind than this isn't merely slow. */
const MOST_LAG_BLOCKS = 64n;
/** Looked through again with every poll: an RPC of several machines may know a block before its logs. */
const OVERLAP_BLOCKS = 8n;

/** Follows the chain until the signal stops it, from where the store says. */
export function createWatch({ chain, jobs, pollingIntervalMs, signal, onJob, onError }: WatchOptions): Watch {
  const waiting = new Set<Waiter>();
  let head: Head = { number: -1n, timestamp: 0 };
  /** The last block whose jobs are in the store. */
  let read = -1n;

  async function moveHead(): Promise<void> {
    const { number, timestamp } = await chain.publicClient.getBlock({ blockTag: "latest" }).catch(rethrow);
    if (number + MOST_LAG_BLOCKS < head.number) throw wentBack(number, head.number);
    if (number <= head.number) return;
    head = { number, timestamp: Number(timestamp) };
    for (const waiter of waiting) {
      if (!waiter.passes(head)) continue;
      waiting.delete(waiter);
      waiter.resolve(head);
    }
  }

  async function readJobs(): Promise<void> {
    const { number: latest } = head;
    if (latest <= read) return;
    const next = (await jobs.nextBlock()) ?? latest - FIRST_LOOK_BLOCKS;
    const first = atLeast(next - OVERLAP_BLOCKS, BigInt(chain.addresses.deployedAtBlock));
    for (let fromBlock = first; fromBlock <= latest; fromBlock += MAX_RANGE_BLOCKS) {
      const last = fromBlock + MAX_RANGE_BLOCKS - 1n;
      const toBlock = last < latest ? last : latest;
      const opened = await jobsOpened(chain, { verifier: chain.addresses.verifier, fromBlock, toBlock });
      for (const job of await jobs.add(opened, toBlock + 1n)) onJob(job);
    }
    read = latest;
  }

  async function repeat(poll: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await poll().catch(onError);
      await pause(pollingIntervalMs, signal);
    }
  }

  return {
    latest: () => head,
    until(passes) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (passes(head)) return Promise.resolve(head);
      return new Promise((resolve, reject) => waiting.add({ passes, resolve, reject }));
    },
    async run() {
      // Bonds hang on the head: it goes on while the log is long, or can't be read.
      await Promise.all([repeat(moveHead), repeat(readJobs)]);
      for (const { reject } of waiting) reject(signal.reason);
      waiting.clear();
    },
  };
}

function wentBack(number: bigint, seen: bigint): ProtocolError {
  return new ProtocolError(
    "node/chain-went-back",
    `got block ${number} as the newest, ${seen} was seen before: use an RPC that keeps up; a local chain that was started anew needs its contracts and nodes anew`,
  );
}

function atLeast(block: bigint, least: bigint): bigint {
  return block > least ? block : least;
}
