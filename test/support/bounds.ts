import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { expect } from "chai";

/** What a busy machine may add to a deadline. */
const MARGIN_MS = 1_000;

/** Runs it and expects it to have ended within the limit, whatever became of it. */
export async function endsWithin<T>(limitMs: number, run: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  try {
    return await run();
  } finally {
    expect(performance.now() - startedAt).to.be.below(limitMs + MARGIN_MS);
  }
}

export type MemoryGrowth = { arrayBuffers: number; rss: number };

/** Runs it and says how many bytes it took at most over what was taken before, looked at every 5 ms. */
export async function memoryGrowth(run: () => Promise<unknown>): Promise<MemoryGrowth> {
  const before = process.memoryUsage();
  const most = { arrayBuffers: 0, rss: 0 };
  const look = () => {
    const { arrayBuffers, rss } = process.memoryUsage();
    most.arrayBuffers = Math.max(most.arrayBuffers, arrayBuffers - before.arrayBuffers);
    most.rss = Math.max(most.rss, rss - before.rss);
  };
  const timer = setInterval(look, 5);
  await run().finally(() => clearInterval(timer));
  look();
  return most;
}

/** Writes as fast as the other side reads, for ever. */
export function writeEndlessly(to: ServerResponse | Socket, chunk: Uint8Array | string): void {
  const more = () => {
    while (!to.destroyed && to.write(chunk));
  };
  to.on("drain", more);
  more();
}
