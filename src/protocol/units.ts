import { formatUnits } from "viem";
import { ProtocolError } from "./errors.ts";

/** Decimals of OPG: 1 OPG is 10^18 base units. */
export const OPG_DECIMALS = 18;

const OPG = 10n ** BigInt(OPG_DECIMALS);

/**
 * OPG base units of a human-readable amount. For the edges (command line, web) only; inside, money is base units.
 * @param text digits, and up to 18 more after a point: `1.5`
 * @throws ProtocolError `units/invalid-amount` on anything else, signs, exponents and white space included
 */
export function parseOpg(text: string): bigint {
  const match = /^(\d{1,40})(?:\.(\d{1,18}))?$/.exec(text);
  if (match?.[1] === undefined) {
    throw new ProtocolError(
      "units/invalid-amount",
      `got ${JSON.stringify(text.slice(0, 80))} OPG, allowed are digits with up to ${OPG_DECIMALS} after a point: write an amount like 1.5`,
    );
  }
  return BigInt(match[1]) * OPG + BigInt((match[2] ?? "").padEnd(OPG_DECIMALS, "0"));
}

/** The amount as a person writes it, exactly and without trailing zeros: `1.5`. The inverse of {@link parseOpg}. */
export function formatOpg(amount: bigint): string {
  return formatUnits(amount, OPG_DECIMALS);
}
