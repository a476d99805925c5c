/** Whether an operator can be asked: it may, it failed last and rests, or has rested and may be tried again. */
export type Rest = "none" | "resting" | "over";

/** Operators that fail rest: for a while that doubles with each failure in a row, others are asked before them. */
export type Rests = {
  of(operatorId: number): Rest;
  /**
   * @param askedAtMs failures of questions asked before the last failure was known are no new ones
   * @param times so many failures in one
   */
  failed(operatorId: number, askedAtMs: number, times: number): void;
  succeeded(operatorId: number): void;
};

type Failing = { inARow: number; failedAtMs: number };

const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 300_000;

/** @param nowMs a clock that never goes back, ms */
export function createRests(nowMs: () => number = () => performance.now()): Rests {
  const failing = new Map<number, Failing>();
  return {
    of(operatorId) {
      const known = failing.get(operatorId);
      if (known === undefined) return "none";
      return nowMs() - known.failedAtMs < restMs(known) ? "resting" : "over";
    },
    failed(operatorId, askedAtMs, times) {
      const { inARow, failedAtMs } = failing.get(operatorId) ?? { inARow: 0, failedAtMs: Number.NEGATIVE_INFINITY };
      if (askedAtMs < failedAtMs) return;
      failing.set(operatorId, { inARow: inARow + times, failedAtMs: nowMs() });
    },
    succeeded: (operatorId) => void failing.delete(operatorId),
  };
}

function restMs({ inARow }: Failing): number {
  return Math.min(FIRST_REST_MS * 2 ** (inARow - 1), LONGEST_REST_MS);
}
