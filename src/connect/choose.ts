import type { Rest } from "./rests.ts";

/** What is known of an operator that could answer a request. */
export type Candidate = {
  operatorId: number;
  /** The most this request can cost there, OPG base units. */
  price: bigint;
  /** Until the first byte of an answer, moving average; undefined: it hasn't answered yet. */
  latencyMs: number | undefined;
  /** Failures that aren't forgotten yet, see {@link decayed}. */
  failures: number;
  rest: Rest;
  /** Standing bond, OPG base units. */
  bond: bigint;
};

/** An operator that hasn't answered yet is taken for this slow. */
const UNKNOWN_LATENCY_MS = 500;
/** So much slower weighs as much as twice the price. */
const LATENCY_WEIGHT_MS = 1_000;
/** Each failure weighs as much as so many times the price. */
const FAILURE_WEIGHT = 4;
const FAILURE_HALF_LIFE_MS = 60_000;
/** So many times the usual price, or less than that part of it, and price hardly weighs any more. */
export const PRICE_RANGE = 16;
const OPG = 10n ** 18n;

/**
 * The candidates, best first; the same ones give the same order. Those that rest come last, and at most one that hasn't
 * answered yet, or has failed last, comes before those that have answered.
 */
export function rank<T extends Candidate>(candidates: readonly T[]): T[] {
  const usual = usualPrice(candidates);
  const scored = candidates
    .map((candidate) => ({ candidate, score: scoreOf(candidate, usual) }))
    .sort((a, b) => a.score - b.score || a.candidate.operatorId - b.candidate.operatorId)
    .map(({ candidate }) => candidate);
  const isProven = ({ rest, latencyMs }: T) => rest === "none" && latencyMs !== undefined;
  const tried = scored.find((candidate) => candidate.rest !== "resting" && !isProven(candidate));
  const first = scored.filter((candidate) => isProven(candidate) || candidate === tried);
  const later = scored.filter((candidate) => !first.includes(candidate));
  return [
    ...first,
    ...(["none", "over", "resting"] as const).flatMap((rest) => later.filter((it) => it.rest === rest)),
  ];
}

/** The price that half of what is at stake asks, or less, OPG base units. */
export function usualPrice(candidates: readonly Pick<Candidate, "price" | "bond">[]): bigint {
  const byPrice = [...candidates].sort((a, b) => Number(a.price > b.price) - Number(a.price < b.price));
  const half = byPrice.reduce((sum, { bond }) => sum + bond + 1n, 0n) / 2n;
  let sum = 0n;
  for (const { price, bond } of byPrice) {
    sum += bond + 1n;
    if (sum >= half) return price;
  }
  return 0n;
}

/** What is left of failures after a while. */
export function decayed(failures: number, sinceMs: number): number {
  return failures * 0.5 ** (Math.max(0, sinceMs) / FAILURE_HALF_LIFE_MS);
}

/** Lower is better: how many times the usual price the operator is worth waiting and hoping for. */
function scoreOf({ price, latencyMs, failures, bond }: Candidate, usual: bigint): number {
  const slowness = 1 + (latencyMs ?? UNKNOWN_LATENCY_MS) / LATENCY_WEIGHT_MS;
  const faultiness = FAILURE_WEIGHT ** Math.min(failures, 32);
  const backing = 1 + Math.log10(1 + Number(bond / OPG)) / 10;
  return (dearnessOf(price, usual) * slowness * faultiness) / backing;
}

/** How many times the usual price it asks; beyond the range only the order counts. */
function dearnessOf(price: bigint, usual: bigint): number {
  const ratio = Number(price + 1n) / Number(usual + 1n);
  if (ratio > PRICE_RANGE) return PRICE_RANGE + Math.log2(ratio / PRICE_RANGE);
  return Math.max(ratio, 1 / PRICE_RANGE);
}
