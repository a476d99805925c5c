import { encodeAbiParameters, type Hex, hexToBigInt } from "viem";
import { keccak256 } from "#keccak";

/** An operator's place in a job's draw: `ticket / stake`, the lower the better. */
export type Draw = {
  /** 128 bits, see {@link ticketOf}. */
  ticket: bigint;
  /** The operator's stake strictly before the job opened, in stake units (56 bits). */
  stake: bigint;
};

export type Eligibility = Draw & {
  /** All stake then, in stake units (56 bits). */
  totalStake: bigint;
  committeeSize: number;
};

const SEED_PARAMETERS = [{ type: "bytes32" }, { type: "bytes32" }] as const;
const TICKET_PARAMETERS = [{ type: "uint192" }, { type: "uint32" }] as const;

/** A job's seed, 192 bits, from its seed block's hash. The jobId is in it, so that jobs of one block are drawn apart. */
export function seedOf(blockHash: Hex, jobId: Hex): bigint {
  return hexToBigInt(keccak256(encodeAbiParameters(SEED_PARAMETERS, [blockHash, jobId]))) >> 64n;
}

/** An operator's ticket under a seed: uniform over 128 bits. */
export function ticketOf(seed: bigint, operatorId: number): bigint {
  return hexToBigInt(keccak256(encodeAbiParameters(TICKET_PARAMETERS, [seed, operatorId]))) >> 128n;
}

/**
 * Whether an operator may commit in a widening step (0 to 8); exactly `contracts/types/Sortition.sol`. Twice the
 * committee may in expectation at step 0, and twice as many with every step.
 */
export function mayCommit({
  ticket,
  stake,
  totalStake,
  committeeSize,
  wideningStep,
}: Eligibility & { wideningStep: number }): boolean {
  const width = (BigInt(committeeSize) * 2n) << BigInt(wideningStep);
  return ticket * totalStake < (stake * width) << 128n;
}

/** The first widening step in which the operator may commit, or null when it may in none up to `maxWidening`. */
export function firstEligibleStep({
  maxWidening,
  ...eligibility
}: Eligibility & { maxWidening: number }): number | null {
  for (let wideningStep = 0; wideningStep <= maxWidening; wideningStep++) {
    if (mayCommit({ ...eligibility, wideningStep })) return wideningStep;
  }
  return null;
}

/** Whether draw a is strictly lower (better) than draw b; a lower draw evicts the highest seat of a full committee. */
export function isLower(a: Draw, b: Draw): boolean {
  return a.ticket * b.stake < b.ticket * a.stake;
}
