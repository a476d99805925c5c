import { type Address, concatHex, encodeFunctionData, type Hex, hexToBigInt, numberToHex } from "viem";
import { type Job, keyOf } from "../protocol/job.ts";
import { seedOf } from "../protocol/sortition.ts";
import { commitRevealVerifierAbi } from "./abi/commitRevealVerifier.ts";
import type { NetworkAddresses } from "./addresses.ts";
import type { Chain } from "./clients.ts";
import type { ContractCall } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";

/** `CommitRevealVerifier`'s constants of the same names. */
export const MAX_COMMITTEE_SIZE = 9;
export const MAX_WIDENING = 3;
export const MAX_WINDOW_SECONDS = 21_600;
export const EXPIRY_MARGIN_SECONDS = 10;
export const SEED_DELAY_BLOCKS = 2n;
/** `OperatorStaking`'s constant: no job of this verifier may live longer than this less the refund's grace. */
export const MAX_LOCK_SECONDS = 259_200;

/** A commit brings the seed's top 64 of 192 bits, and the commitment's top 192 of 256. */
const SEED_PREFIX_SHIFT = 128n;
const COMMITMENT_SHIFT = 64n;
/** Set in a carried reveal's first byte when the seat has another result than settle brings. */
const OTHER_RESULT = 0x80;

/** Lower bounds of what a payer's terms can say. */
export type VerifierParams = {
  minCommitWindowSeconds: number;
  minRevealWindowSeconds: number;
  minSettleWindowSeconds: number;
  /** Bond at least fee × this / 1,000,000. */
  minBondPpm: number;
  /** And at least this, stake units. */
  minBondUnits: bigint;
};

/** All the verifier keeps of an operator. */
export type Member = {
  /** Allocated to this verifier, stake units. */
  share: bigint;
  /** Of it, bonds of live jobs, stake units. */
  locked: bigint;
  /** Waiting to be harvested, OPG base units. */
  earnings: bigint;
  /** Unix seconds: last change of `share`. */
  changedAt: number;
};

/** Where a job stands in time; times are unix seconds. */
export type Schedule = {
  openedAt: number;
  /** Whose hash is the seed. */
  seedBlock: bigint;
  /** Seats taken. */
  committed: number;
  /** Moves earlier when the last seat is taken. */
  commitsCloseAt: number;
  revealsCloseAt: number;
  /** Until when a majority's result bytes can be missing. */
  settlesBy: number;
  /** No bond of this job is locked any more. */
  resolved: boolean;
  /** All shares strictly before it opened, rounded down to ten binary digits, stake units. */
  totalShare: bigint;
};

/** What commits and reveals bring of a job. */
export type JobRef = {
  jobId: Hex;
  payer: Address;
  /** The nonce's key. */
  key: bigint;
  /** The job's `verifierData`. */
  terms: Hex;
};

export type Seat = {
  operatorId: number;
  revealed: boolean;
  /** Commitment before the reveal, result hash after; its top 192 bits, the rest zero. */
  hash: Hex;
};

/** The opening of a seat's commitment. */
export type Reveal = { seat: number; resultHash: Hex; salt: Hex };

export async function verifierParams({ publicClient, addresses }: Chain): Promise<VerifierParams> {
  return publicClient
    .readContract({ address: addresses.verifier, abi: commitRevealVerifierAbi, functionName: "params" })
    .catch(rethrow);
}

export async function memberOf({ publicClient, addresses }: Chain, operatorId: number): Promise<Member> {
  return publicClient
    .readContract({
      address: addresses.verifier,
      abi: commitRevealVerifierAbi,
      functionName: "memberOf",
      args: [operatorId],
    })
    .catch(rethrow);
}

/** The operator whose signer this is, as the verifier knows it; 0 if none. */
export async function operatorOfSigner({ publicClient, addresses }: Chain, signer: Address): Promise<number> {
  return publicClient
    .readContract({
      address: addresses.verifier,
      abi: commitRevealVerifierAbi,
      functionName: "operatorOfSigner",
      args: [signer],
    })
    .catch(rethrow);
}

/** An operator's share at the end of second `timestamp`, stake units; a job opened at t counts what was at t − 1. */
export async function shareAt(
  { publicClient, addresses }: Chain,
  operatorId: number,
  timestamp: number,
): Promise<bigint> {
  return publicClient
    .readContract({
      address: addresses.verifier,
      abi: commitRevealVerifierAbi,
      functionName: "shareAt",
      args: [operatorId, timestamp],
    })
    .catch(rethrow);
}

/**
 * Where a job stands in time.
 * @param blockNumber at the end of this block; of the latest one the RPC has unless told
 * @throws ProtocolError `contract/UnknownJob` once its key is used again
 */
export async function scheduleOf(
  { publicClient, addresses }: Chain,
  job: Job,
  blockNumber?: bigint,
): Promise<Schedule> {
  return publicClient
    .readContract({
      address: addresses.verifier,
      abi: commitRevealVerifierAbi,
      functionName: "scheduleOf",
      args: [job],
      ...(blockNumber !== undefined && { blockNumber }),
    })
    .catch(rethrow);
}

/**
 * The seats taken so far.
 * @param blockNumber at the end of this block; of the latest one the RPC has unless told
 * @throws ProtocolError `contract/UnknownJob` once the job's key is used again
 */
export async function committeeOf(
  { publicClient, addresses }: Chain,
  job: Job,
  blockNumber?: bigint,
): Promise<readonly Seat[]> {
  return publicClient
    .readContract({
      address: addresses.verifier,
      abi: commitRevealVerifierAbi,
      functionName: "committeeOf",
      args: [job],
      ...(blockNumber !== undefined && { blockNumber }),
    })
    .catch(rethrow);
}

/** @param amount OPG base units, a multiple of `STAKE_UNIT` */
export function encodeJoin({ verifier }: NetworkAddresses, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: commitRevealVerifierAbi, functionName: "join", args: [amount] });
  return { to: verifier, data, name: "CommitRevealVerifier.join" };
}

/** @param amount OPG base units, a multiple of `STAKE_UNIT` */
export function encodeLeave({ verifier }: NetworkAddresses, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: commitRevealVerifierAbi, functionName: "leave", args: [amount] });
  return { to: verifier, data, name: "CommitRevealVerifier.leave" };
}

export function encodeSyncSigner({ verifier }: NetworkAddresses, operatorId: number): ContractCall {
  const data = encodeFunctionData({ abi: commitRevealVerifierAbi, functionName: "syncSigner", args: [operatorId] });
  return { to: verifier, data, name: "CommitRevealVerifier.syncSigner" };
}

export function jobRefOf(jobId: Hex, job: Job): JobRef {
  return { jobId, payer: job.payer, key: keyOf(job), terms: job.verifierData };
}

export function encodePinSeed({ verifier }: NetworkAddresses, ref: JobRef): ContractCall {
  const data = encodeFunctionData({ abi: commitRevealVerifierAbi, functionName: "pinSeed", args: [ref] });
  return { to: verifier, data, name: "CommitRevealVerifier.pinSeed" };
}

/** @param seedHash hash of the seed block the caller drew under: after a reorg the commit is void instead of wrong */
export function encodeCommit(
  { verifier }: NetworkAddresses,
  ref: JobRef,
  seedHash: Hex,
  commitment: Hex,
): ContractCall {
  const data = encodeFunctionData({
    abi: commitRevealVerifierAbi,
    functionName: "commit",
    args: [ref, seedOf(seedHash, ref.jobId) >> SEED_PREFIX_SHIFT, hexToBigInt(commitment) >> COMMITMENT_SHIFT],
  });
  return { to: verifier, data, name: "CommitRevealVerifier.commit" };
}

export function encodeReveal(
  { verifier }: NetworkAddresses,
  ref: JobRef,
  { seat, resultHash, salt }: Reveal,
): ContractCall {
  const data = encodeFunctionData({
    abi: commitRevealVerifierAbi,
    functionName: "reveal",
    args: [resultHash, ref, seat, salt],
  });
  return { to: verifier, data, name: "CommitRevealVerifier.reveal" };
}

/** Resolves what a job that has ended still locks. */
export function encodeExpire({ verifier }: NetworkAddresses, job: Job): ContractCall {
  const data = encodeFunctionData({ abi: commitRevealVerifierAbi, functionName: "expire", args: [job] });
  return { to: verifier, data, name: "CommitRevealVerifier.expire" };
}

/**
 * Reveals as `JobEscrow.settle` carries them; `0x` when there are none.
 * @param settled hash of the result that settle brings: reveals of the same needn't carry theirs
 */
export function encodeEvidence(reveals: readonly Reveal[], settled: Hex): Hex {
  return concatHex(
    reveals.map(({ seat, resultHash, salt }) =>
      resultHash === settled
        ? concatHex([numberToHex(seat, { size: 1 }), salt])
        : concatHex([numberToHex(OTHER_RESULT | seat, { size: 1 }), salt, resultHash]),
    ),
  );
}
