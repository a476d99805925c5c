import { randomInt } from "node:crypto";
import { type Candidate, PRICE_RANGE, usualPrice } from "./choose.ts";

/** A number above 0, at most 1, that nobody can foresee. */
export type Random = () => number;

const STEPS = 2 ** 47;
const byMachine: Random = () => (randomInt(STEPS) + 1) / STEPS;

/** An operator, and the most it may cost there. */
type Seated = Candidate & { cap: bigint };

/**
 * The order in which operators are asked for a quorum: by chance, as likely each as its bond is large. Nobody comes first by
 * being cheap; those that rest come later, and last those beyond the app's price, or far beyond the usual one.
 */
export function drawSeats<T extends Seated>(candidates: readonly T[], random: Random = byMachine): T[] {
  const dearest = (usualPrice(candidates) + 1n) * BigInt(PRICE_RANGE);
  const isDear = ({ price, cap }: T) => price > cap || price > dearest;
  const placeOf = (candidate: T) => (isDear(candidate) ? 2 : candidate.rest === "resting" ? 1 : 0);
  return [...candidates]
    .sort((a, b) => a.operatorId - b.operatorId)
    .map((candidate) => ({ candidate, place: placeOf(candidate), draw: drawOf(candidate, random) }))
    .sort((a, b) => a.place - b.place || a.draw - b.draw)
    .map(({ candidate }) => candidate);
}

/** The smallest of such draws is each one's as often as its bond is of all bonds. */
function drawOf({ bond }: Seated, random: Random): number {
  return -Math.log(random()) / (Number(bond) + 1);
}
