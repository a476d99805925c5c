export type Deadline = {
  timeoutMs: number;
  /** What is thrown when the time is over. */
  timeoutError: Error;
  /** Ends it sooner, with its own reason. */
  signal: AbortSignal | undefined;
};

/**
 * Runs the work and waits for it no longer than the deadline, whether it heeds the signal it is given or not (a name
 * being resolved can't be stopped).
 */
export async function withDeadline<T>(
  { timeoutMs, timeoutError, signal }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const ending = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    ending.signal.addEventListener("abort", () => reject(ending.signal.reason), { once: true });
  });
  const giveUp = () => ending.abort(signal?.reason);
  signal?.addEventListener("abort", giveUp, { once: true });
  const timer = setTimeout(() => ending.abort(timeoutError), timeoutMs);
  try {
    return await Promise.race([ended, work(ending.signal)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}
