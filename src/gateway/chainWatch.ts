import type { Chain } from "../chain/clients.ts";
import { rethrow } from "../chain/contractErrors.ts";
import { pause } from "../chain/pause.ts";
import { ProtocolError } from "../protocol/errors.ts";

/** A block; its time in unix seconds. */
export type Head = { number: bigint; timestamp: number };

/** The newest block a gateway has seen; every time that the chain counts is counted by it. */
export type ChainWatch = {
  /** Number −1 before the first answer. */
  latest(): Head;
  /** Resolves with the next newer block; rejects with the signal's reason when the watch ends. */
  nextBlock(): Promise<Head>;
  /** @returns takes the listener away */
  onBlock(listener: (head: Head) => void): () => void;
  /** By this machine's steady clock; infinite before the first answer. */
  secondsSinceAnswer(): number;
  /** Follows the chain until the signal stops it. */
  run(): Promise<void>;
};

export type ChainWatchOptions = {
  chain: Pick<Chain, "publicClient">;
  /** Half a second unless told. */
  pollingIntervalMs?: number;
  signal: AbortSignal;
  /** A poll that failed and is tried again, or a listener that threw. */
  onError: (error: unknown) => void;
};

type Waiter = { resolve: (head: Head) => void; reject: (reason: unknown) => void };

const POLLING_INTERVAL_MS = 500;
/** An RPC further behind than this isn't merely slow. */
const MOST_LAG_BLOCKS = 64n;

export function createChainWatch(options: ChainWatchOptions): ChainWatch {
  const { chain, pollingIntervalMs = POLLING_INTERVAL_MS, signal, onError } = options;
  const waiting = new Set<Waiter>();
  const listeners = new Set<(head: Head) => void>();
  let head: Head = { number: -1n, timestamp: 0 };
  let answeredAtMs = Number.NEGATIVE_INFINITY;

  async function poll(): Promise<void> {
    const { number, timestamp } = await chain.publicClient.getBlock({ blockTag: "latest" }).catch(rethrow);
    if (number + MOST_LAG_BLOCKS < head.number) throw wentBack(number, head.number);
    answeredAtMs = performance.now();
    if (number <= head.number) return;
    head = { number, timestamp: Number(timestamp) };
    for (const { resolve } of takeAll(waiting)) resolve(head);
    for (const listener of listeners) tell(listener);
  }

  function tell(listener: (head: Head) => void): void {
    try {
      listener(head);
    } catch (error) {
      onError(error);
    }
  }

  return {
    latest: () => head,
    nextBlock() {
      if (signal.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => waiting.add({ resolve, reject }));
    },
    onBlock(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    secondsSinceAnswer: () => (performance.now() - answeredAtMs) / 1_000,
    async run() {
      while (!signal.aborted) {
        await poll().catch(onError);
        await pause(pollingIntervalMs, signal);
      }
      for (const { reject } of takeAll(waiting)) reject(signal.reason);
    },
  };
}

function takeAll<T>(set: Set<T>): T[] {
  const all = [...set];
  set.clear();
  return all;
}

function wentBack(number: bigint, seen: bigint): ProtocolError {
  return new ProtocolError(
    "gateway/chain-went-back",
    `got block ${number} as the newest, ${seen} was seen before: use an RPC that keeps up; a local chain that was started anew needs its contracts and gateways anew`,
  );
}
