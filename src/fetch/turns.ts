import { ProtocolError } from "../protocol/errors.ts";

/** Lets a few pieces of work run at a time, first come, first served. */
export type Turns = {
  /**
   * Runs the work when its turn comes. The turn lasts until the work has ended, but no longer than the signal lets it.
   * @param signal gives the place in the queue up, with its reason, or the turn
   * @throws ProtocolError `fetch/busy` when too many wait already, and what the work throws
   */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
};

export function createTurns(maxRunning: number, maxWaiting: number): Turns {
  let running = 0;
  const waiting = new Set<() => void>();

  async function begin(signal: AbortSignal): Promise<void> {
    if (running < maxRunning) {
      running += 1;
      return;
    }
    if (waiting.size >= maxWaiting) {
      throw new ProtocolError(
        "fetch/busy",
        `got a fetch while ${waiting.size} wait for their turn, as many as are allowed: try again later`,
        { isRetryable: true },
      );
    }
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        waiting.delete(proceed);
        reject(signal.reason);
      };
      const proceed = () => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      waiting.add(proceed);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** Hands the turn on, or gives it back. */
  function end(): void {
    const [next] = waiting;
    if (!next) {
      running -= 1;
      return;
    }
    waiting.delete(next);
    next();
  }

  /** @returns what ends the turn, if it hasn't ended yet */
  function endingOnce(): () => void {
    let hasEnded = false;
    return () => {
      if (!hasEnded) end();
      hasEnded = true;
    };
  }

  return {
    async run(work, signal) {
      await begin(signal);
      const endTurn = endingOnce();
      signal.addEventListener("abort", endTurn, { once: true });
      try {
        signal.throwIfAborted();
        return await work();
      } finally {
        signal.removeEventListener("abort", endTurn);
        endTurn();
      }
    },
  };
}
