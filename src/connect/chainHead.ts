import type { Chain } from "../chain/clients.ts";
import { pause } from "../chain/pause.ts";

/** The newest block seen. */
export type ChainHead = {
  /** Its time, unix seconds; this machine's until a block was seen. */
  now(): number;
  /** Resolves with the next block, or after a while without one; rejects once the head is stopped. */
  nextBlock(): Promise<void>;
  /** Reads the newest block now. */
  look(): Promise<void>;
  stop(): Promise<void>;
};

export type ChainHeadOptions = {
  chain: Pick<Chain, "publicClient">;
  pollingIntervalMs: number;
  onError: (error: unknown) => void;
};

/** Polls after which whoever waits for a block looks for himself: a chain at rest makes none. */
const POLLS_WITHOUT_BLOCK = 4;

/** Follows the chain's newest block until it is stopped. */
export function createChainHead({ chain, pollingIntervalMs, onError }: ChainHeadOptions): ChainHead {
  const stopping = new AbortController();
  const waiting = new Set<{ resolve: () => void; reject: (reason: unknown) => void; pollsLeft: number }>();
  let newest = { number: -1n, timestamp: Math.floor(Date.now() / 1_000) };

  async function look(): Promise<void> {
    const { number, timestamp } = await chain.publicClient.getBlock({ blockTag: "latest" });
    const isNew = number > newest.number;
    if (isNew) newest = { number, timestamp: Number(timestamp) };
    for (const waiter of waiting) {
      waiter.pollsLeft -= 1;
      if (!isNew && waiter.pollsLeft > 0) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await look().catch(onError);
      await pause(pollingIntervalMs, stopping.signal);
    }
    for (const { reject } of waiting) reject(stopping.signal.reason);
    waiting.clear();
  }

  const running = run();
  return {
    now: () => newest.timestamp,
    look,
    nextBlock() {
      if (stopping.signal.aborted) return Promise.reject(stopping.signal.reason);
      return new Promise((resolve, reject) => waiting.add({ resolve, reject, pollsLeft: POLLS_WITHOUT_BLOCK }));
    },
    async stop() {
      stopping.abort(new Error("the local end stops"));
      await running;
    },
  };
}
