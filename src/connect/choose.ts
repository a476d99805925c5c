/** What is known of an operator that could answer a request. */
export type Candidate = {
  operatorId: number;
  /** The most this request can cost there, OPG base units. */
  price: bigint;
  /** Until the first byte of an answer, moving average; undefined: it wasn't asked yet. */
  latencyMs: number | undefined;
  /** Failures that aren't forgotten yet, see {@link decayed}. */
  failures: number;
  /** Standing bond, OPG base units. */
  bond: bigint;
};

/** An operator that wasn't asked yet is taken for this slow. */
const UNKNOWN_LATENCY_MS = 500;
/** So much slower weighs as much as twice the price. */
const LATENCY_WEIGHT_MS = 1_000;
/** Each failure weighs as much as so many times the price. */
const FAILURE_WEIGHT = 4;
const FAILURE_HALF_LIFE_MS = 60_000;
const OPG = 10n ** 18n;

/** The candidates, best first; the same ones give the same order. */
export function rank<T extends Candidate>(candidates: readonly T[]): T[] {
  const cheapest = candidates.reduce((least, { price }) => (price < least ? price : least), candidates[0]?.price ?? 0n);
  const scored = candidates.map((candidate) => ({ candidate, score: scoreOf(candidate, cheapest) }));
  return scored
    .sort((a, b) => a.score - b.score || a.candidate.operatorId - b.candidate.operatorId)
    .map(({ candidate }) => candidate);
}

/** What is left of failures after a while. */
export function decayed(failures: number, sinceMs: number): number {
  return failures * 0.5 ** (Math.max(0, sinceMs) / FAILURE_HALF_LIFE_MS);
}

/** Lower is better: how many times the cheapest price the operator is worth waiting and hoping for. */
function scoreOf({ price, latencyMs, failures, bond }: Candidate, cheapest: bigint): number {
  const dearness = Number(price + 1n) / Number(cheapest + 1n);
  const slowness = 1 + (latencyMs ?? UNKNOWN_LATENCY_MS) / LATENCY_WEIGHT_MS;
  const faultiness = FAILURE_WEIGHT ** Math.min(failures, 32);
  const backing = 1 + Math.log10(1 + Number(bond / OPG)) / 10;
  return (dearness * slowness * faultiness) / backing;
}
