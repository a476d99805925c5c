import { type Hex, hexToBigInt, isHex, numberToHex, size } from "viem";
import { ProtocolError } from "./errors.ts";

/** What the payer of a commit-reveal job signs in `Job.verifierData`; one-to-one with `contracts/types/CommitRevealTerms.sol`. */
export type CommitRevealTerms = {
  /** Odd. */
  committeeSize: number;
  /** How many times the threshold may double. */
  maxWidening: number;
  /** Of each widening step. */
  commitWindowSeconds: number;
  revealWindowSeconds: number;
  /** In which the result's bytes must be shown. */
  settleWindowSeconds: number;
  /** Must be the model's. */
  maxResultBytes: number;
  /** Locked by each seat, in stake units. */
  bondUnits: bigint;
};

/** OPG base units in a stake unit: a millionth of an OPG. */
export const STAKE_UNIT = 1_000_000_000_000n;

/** Where each field lies in the word; the low 64 bits are zero. */
const LAYOUT = {
  committeeSize: { shift: 248n, bits: 8n },
  maxWidening: { shift: 240n, bits: 8n },
  commitWindowSeconds: { shift: 208n, bits: 32n },
  revealWindowSeconds: { shift: 176n, bits: 32n },
  settleWindowSeconds: { shift: 144n, bits: 32n },
  maxResultBytes: { shift: 120n, bits: 24n },
  bondUnits: { shift: 64n, bits: 56n },
} as const satisfies Record<keyof CommitRevealTerms, { shift: bigint; bits: bigint }>;

type Field = keyof typeof LAYOUT;

const FIELDS = Object.keys(LAYOUT) as readonly Field[];

/**
 * The terms in one word, as `Job.verifierData` carries them.
 * @throws ProtocolError `terms/out-of-range` when a field doesn't fit its place
 */
export function packTerms(terms: CommitRevealTerms): Hex {
  const word = FIELDS.reduce((packed, field) => packed | place(field, terms[field]), 0n);
  return numberToHex(word, { size: 32 });
}

/**
 * The inverse of {@link packTerms}.
 * @throws ProtocolError `terms/not-canonical` when it isn't 32 bytes or the unused low bits aren't zero: one meaning has one encoding
 */
export function unpackTerms(verifierData: Hex): CommitRevealTerms {
  if (!isHex(verifierData) || size(verifierData) !== 32 || BigInt.asUintN(64, hexToBigInt(verifierData)) !== 0n) {
    throw new ProtocolError(
      "terms/not-canonical",
      `got ${verifierData.slice(0, 80)}, allowed are 32 bytes whose last 8 are zero: pack the terms with packTerms`,
    );
  }
  const word = hexToBigInt(verifierData);
  const read = (field: Field) => BigInt.asUintN(Number(LAYOUT[field].bits), word >> LAYOUT[field].shift);
  return {
    committeeSize: Number(read("committeeSize")),
    maxWidening: Number(read("maxWidening")),
    commitWindowSeconds: Number(read("commitWindowSeconds")),
    revealWindowSeconds: Number(read("revealWindowSeconds")),
    settleWindowSeconds: Number(read("settleWindowSeconds")),
    maxResultBytes: Number(read("maxResultBytes")),
    bondUnits: read("bondUnits"),
  };
}

/** Stake units that are worth at least `amount` OPG base units. */
export function stakeUnitsUp(amount: bigint): bigint {
  return (amount + STAKE_UNIT - 1n) / STAKE_UNIT;
}

function place(field: Field, value: number | bigint): bigint {
  const { shift, bits } = LAYOUT[field];
  const limit = (1n << bits) - 1n;
  if ((typeof value === "number" && !Number.isInteger(value)) || value < 0 || value > limit) {
    throw new ProtocolError(
      "terms/out-of-range",
      `${field} is ${value}, allowed are whole numbers from 0 to ${limit}: change it`,
    );
  }
  return BigInt(value) << shift;
}
