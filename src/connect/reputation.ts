import type { PaidCallTable } from "../store/paidCalls.ts";
import { decayed } from "./choose.ts";

/** What this local end has lived through with operators. */
export type Reputation = {
  latencyMsOf(operatorId: number): number | undefined;
  /** As far as they aren't forgotten. */
  failuresOf(operatorId: number): number;
  /** Why an operator is left alone for good; undefined: it isn't. */
  shunnedFor(operatorId: number): string | undefined;
  answered(operatorId: number, latencyMs: number): void;
  failed(operatorId: number): void;
  /** Leaves an operator alone for good: it was caught lying, or has kept back what it had anchored. */
  shun(operatorId: number, reason: string): Promise<void>;
  /** Forgets all of it. */
  forgive(operatorId: number): Promise<void>;
};

type Experience = { latencyMs: number | undefined; failures: number; failedAt: number };

/** The newest answer's weight in the moving average. */
const NEWEST_WEIGHT = 0.2;

/** @param nowMs a clock that never goes back, ms */
export async function createReputation(
  paid: PaidCallTable,
  nowMs: () => number = () => performance.now(),
): Promise<Reputation> {
  const shunned = await paid.shunned();
  const experiences = new Map<number, Experience>();

  function of(operatorId: number): Experience {
    const known = experiences.get(operatorId) ?? { latencyMs: undefined, failures: 0, failedAt: 0 };
    experiences.set(operatorId, known);
    return known;
  }

  const failuresOf = (operatorId: number) => {
    const { failures, failedAt } = of(operatorId);
    return decayed(failures, nowMs() - failedAt);
  };

  return {
    latencyMsOf: (operatorId) => of(operatorId).latencyMs,
    failuresOf,
    shunnedFor: (operatorId) => shunned.get(operatorId),
    answered(operatorId, latencyMs) {
      const known = of(operatorId);
      known.latencyMs =
        known.latencyMs === undefined ? latencyMs : known.latencyMs + (latencyMs - known.latencyMs) * NEWEST_WEIGHT;
    },
    failed(operatorId) {
      const failures = failuresOf(operatorId) + 1;
      Object.assign(of(operatorId), { failures, failedAt: nowMs() });
    },
    async shun(operatorId, reason) {
      shunned.set(operatorId, reason);
      await paid.shun(operatorId, reason);
    },
    async forgive(operatorId) {
      shunned.delete(operatorId);
      experiences.delete(operatorId);
      await paid.forgive(operatorId);
    },
  };
}
