import { REFUND_GRACE_SECONDS } from "../chain/escrow.ts";
import {
  EXPIRY_MARGIN_SECONDS,
  MAX_COMMITTEE_SIZE,
  MAX_LOCK_SECONDS,
  MAX_WIDENING,
  MAX_WINDOW_SECONDS,
  type VerifierParams,
} from "../chain/verifier.ts";
import { type CommitRevealTerms, STAKE_UNIT, stakeUnitsUp } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";

/** What a payer can choose; the rest of the terms follows from the model and the bond. */
export type ChosenTerms = Partial<Omit<CommitRevealTerms, "maxResultBytes" | "bondUnits">>;

export type TermsRequest = {
  chosen: ChosenTerms;
  /** What each seat locks, OPG base units; the least allowed unless told. */
  bond?: bigint;
  /** OPG base units. */
  fee: bigint;
  maxResultBytes: number;
  params: VerifierParams;
};

const COMMITTEE_SIZE = 3;
const WIDENING = 2;
/** A job ends as soon as all have revealed: room to do so costs a payer nothing and saves operators their bonds. */
const ROOM = 10;
const MAX_FEE = 2n ** 96n - 1n;
const MAX_BOND_TO_FEE = 10n;
const MAX_BOND_UNITS = 2n ** 56n - 1n;

/**
 * Terms the verifier takes: what was chosen, and for the rest a committee of three, two widening steps, the shortest
 * commit window, ten times the shortest windows to reveal and settle, and the least bond.
 * @throws ProtocolError `sdk/committee-even`, `sdk/committee-too-large`, `sdk/widening-too-large`,
 * `sdk/window-out-of-range`, `sdk/fee-too-large`, `sdk/bond-too-small`, `sdk/bond-too-large`
 */
export function completeTerms({ chosen, bond, fee, maxResultBytes, params }: TermsRequest): CommitRevealTerms {
  const terms = {
    committeeSize: chosen.committeeSize ?? COMMITTEE_SIZE,
    maxWidening: chosen.maxWidening ?? WIDENING,
    commitWindowSeconds: chosen.commitWindowSeconds ?? params.minCommitWindowSeconds,
    revealWindowSeconds: chosen.revealWindowSeconds ?? roomy(params.minRevealWindowSeconds),
    settleWindowSeconds: chosen.settleWindowSeconds ?? roomy(params.minSettleWindowSeconds),
    maxResultBytes,
    bondUnits: bondUnitsOf(bond, fee, params),
  };
  checkCommittee(terms);
  checkWindow("commitWindowSeconds", terms.commitWindowSeconds, params.minCommitWindowSeconds);
  checkWindow("revealWindowSeconds", terms.revealWindowSeconds, params.minRevealWindowSeconds);
  checkWindow("settleWindowSeconds", terms.settleWindowSeconds, params.minSettleWindowSeconds);
  return terms;
}

function roomy(minSeconds: number): number {
  return Math.min(minSeconds * ROOM, MAX_WINDOW_SECONDS);
}

/** The least bond of each seat for this fee, stake units. */
export function leastBondUnits(fee: bigint, { minBondPpm, minBondUnits }: VerifierParams): bigint {
  const ppm = 1_000_000n;
  const byFee = (fee * BigInt(minBondPpm) + ppm * STAKE_UNIT - 1n) / (ppm * STAKE_UNIT);
  return byFee > minBondUnits ? byFee : minBondUnits;
}

/** How long after its opening a job may expire at the earliest, seconds: all windows and a margin. */
export function leastLifeSeconds(terms: CommitRevealTerms): number {
  const { commitWindowSeconds, maxWidening, revealWindowSeconds, settleWindowSeconds } = terms;
  return commitWindowSeconds * (maxWidening + 1) + revealWindowSeconds + settleWindowSeconds + EXPIRY_MARGIN_SECONDS;
}

/**
 * @param now the chain's time, unix seconds
 * @throws ProtocolError `sdk/deadline-too-near`, `sdk/deadline-too-far`
 */
export function checkExpiry(terms: CommitRevealTerms, expiresAt: number, now: number): void {
  const earliest = now + leastLifeSeconds(terms);
  const latest = now + MAX_LOCK_SECONDS - REFUND_GRACE_SECONDS;
  if (expiresAt < earliest) {
    throw new ProtocolError(
      "sdk/deadline-too-near",
      `the job would expire ${expiresAt - now} s from now, its windows take at least ${earliest - now} s: let it live longer or shorten the windows`,
    );
  }
  if (expiresAt > latest) {
    throw new ProtocolError(
      "sdk/deadline-too-far",
      `the job would expire ${expiresAt - now} s from now, at most ${latest - now} s are allowed: let it expire earlier`,
    );
  }
}

function bondUnitsOf(bond: bigint | undefined, fee: bigint, params: VerifierParams): bigint {
  if (fee > MAX_FEE) {
    throw new ProtocolError("sdk/fee-too-large", `the fee is ${fee}, at most ${MAX_FEE} is allowed: lower it`);
  }
  const least = leastBondUnits(fee, params);
  const units = bond === undefined ? least : stakeUnitsUp(bond);
  if (units < least) {
    throw new ProtocolError(
      "sdk/bond-too-small",
      `the bond is ${bond} OPG base units, at least ${least * STAKE_UNIT} are wanted for this fee: raise it or leave it out`,
    );
  }
  const most = mostBondUnits(fee, params);
  if (units > most) {
    throw new ProtocolError(
      "sdk/bond-too-large",
      `the bond is ${units * STAKE_UNIT} OPG base units, at most ${most * STAKE_UNIT} are allowed for this fee: lower it or raise the fee`,
    );
  }
  return units;
}

/** The most stake a seat may have to lock: ten times the fee, or what is wanted at least. */
function mostBondUnits(fee: bigint, { minBondUnits }: VerifierParams): bigint {
  const byFee = stakeUnitsUp(fee * MAX_BOND_TO_FEE);
  const most = byFee > minBondUnits ? byFee : minBondUnits;
  return most < MAX_BOND_UNITS ? most : MAX_BOND_UNITS;
}

function checkCommittee({ committeeSize, maxWidening }: CommitRevealTerms): void {
  if (committeeSize > MAX_COMMITTEE_SIZE) {
    throw new ProtocolError(
      "sdk/committee-too-large",
      `the committee has ${committeeSize} seats, at most ${MAX_COMMITTEE_SIZE} are allowed: choose fewer`,
    );
  }
  if (committeeSize % 2 !== 1 || committeeSize < 1) {
    throw new ProtocolError(
      "sdk/committee-even",
      `the committee has ${committeeSize} seats, odd numbers from 1 to ${MAX_COMMITTEE_SIZE} are allowed, so that there is a majority: add or drop one`,
    );
  }
  if (!Number.isInteger(maxWidening) || maxWidening < 0 || maxWidening > MAX_WIDENING) {
    throw new ProtocolError(
      "sdk/widening-too-large",
      `maxWidening is ${maxWidening}, whole numbers from 0 to ${MAX_WIDENING} are allowed: choose fewer steps`,
    );
  }
}

function checkWindow(name: string, seconds: number, least: number): void {
  if (Number.isInteger(seconds) && seconds >= least && seconds <= MAX_WINDOW_SECONDS) return;
  throw new ProtocolError(
    "sdk/window-out-of-range",
    `${name} is ${seconds}, whole seconds from ${least} to ${MAX_WINDOW_SECONDS} are allowed: change it`,
  );
}
