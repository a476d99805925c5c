import type { SigningChain } from "../chain/clients.ts";
import { type JobOpened, jobsOpened } from "../chain/jobEvents.ts";

export type Head = { number: bigint; timestamp: number };

/** The newest block this node has seen, and waiting for newer ones. */
export type ChainHead = {
  latest(): Head;
  /** Resolves with the first head that passes; rejects with the signal's reason when the node stops. */
  until(passes: (head: Head) => boolean): Promise<Head>;
};

/** Stop 3 of a job's way: follows the chain block by block and hands over every job that names our verifier. */
export type Watch = ChainHead & { run(): Promise<void> };

export type WatchOptions = {
  chain: SigningChain;
  fromBlock: bigint;
  pollingIntervalMs: number;
  signal: AbortSignal;
  onJob: (opened: JobOpened) => void;
  /** A failed poll: it is tried again, nothing is skipped. */
  onError: (error: unknown) => void;
};

/** Follows the chain until the signal stops it. */
export function createWatch({ chain, fromBlock, pollingIntervalMs, signal, onJob, onError }: WatchOptions): Watch {
  const waiting = new Set<{ passes: (head: Head) => boolean; resolve: (head: Head) => void }>();
  let head: Head = { number: fromBlock - 1n, timestamp: 0 };
  let nextBlock = fromBlock;

  async function poll(): Promise<void> {
    const { number, timestamp } = await chain.publicClient.getBlock({ blockTag: "latest" });
    if (number < nextBlock) return;
    const opened = await jobsOpened(chain, {
      verifier: chain.addresses.verifier,
      fromBlock: nextBlock,
      toBlock: number,
    });
    nextBlock = number + 1n;
    head = { number, timestamp: Number(timestamp) };
    for (const job of opened) onJob(job);
    for (const waiter of waiting) {
      if (!waiter.passes(head)) continue;
      waiting.delete(waiter);
      waiter.resolve(head);
    }
  }

  return {
    latest: () => head,
    until(passes) {
      if (passes(head)) return Promise.resolve(head);
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const waiter = { passes, resolve };
        waiting.add(waiter);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
    async run() {
      while (!signal.aborted) {
        await poll().catch(onError);
        await pause(pollingIntervalMs, signal);
      }
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
