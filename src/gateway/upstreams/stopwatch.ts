import { aborted } from "./upstreamErrors.ts";

/** Waits for one thing after the other, for none of them too long. */
export type Stopwatch = {
  /** Aborted when the caller gives up, when something took too long, and when all is over. */
  signal: AbortSignal;
  /** @throws what `explain` makes of a failure; the time limit's error, or `call_aborted`, where that is the reason */
  run<T>(work: () => Promise<T>, explain: (cause: unknown) => Error): Promise<T>;
  stop(reason?: unknown): void;
};

export type StopwatchOptions = { timeoutMs: number; timeoutError: () => Error; signal: AbortSignal };

/** Hardly ever seen: by what a library left under way. */
const OVER = aborted();

export function createStopwatch({ timeoutMs, timeoutError, signal }: StopwatchOptions): Stopwatch {
  const ending = new AbortController();
  const giveUp = () => ending.abort(aborted(signal.reason));
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp, { once: true });

  return {
    signal: ending.signal,
    async run(work, explain) {
      ending.signal.throwIfAborted();
      const timer = setTimeout(() => ending.abort(timeoutError()), timeoutMs);
      const ended = Promise.withResolvers<never>();
      const leave = () => ended.reject(ending.signal.reason);
      ending.signal.addEventListener("abort", leave, { once: true });
      try {
        return await Promise.race([ended.promise, work()]);
      } catch (error) {
        throw ending.signal.aborted ? ending.signal.reason : explain(error);
      } finally {
        clearTimeout(timer);
        ending.signal.removeEventListener("abort", leave);
      }
    },
    stop(reason) {
      signal.removeEventListener("abort", giveUp);
      ending.abort(reason ?? OVER);
    },
  };
}
