import { type Address, type Hex, hashStruct, hashTypedData, type TypedDataDomain } from "viem";
import { ProtocolError } from "./errors.ts";

/** One request paid through the escrow: viem's mapping of the struct in `contracts/types/Job.sol`, in its order. */
export type Job = {
  /** Whose escrow balance pays. */
  payer: Address;
  modelId: Hex;
  /** keccak256 of the input bytes. */
  inputHash: Hex;
  /** Zero: the input is inline in the event; otherwise keccak256 of the URI's bytes. */
  inputUriHash: Hex;
  /** The contract that decides which result stands. */
  verifier: Address;
  /** The verifier's terms, packed into 32 bytes, or the hash of longer ones. */
  verifierData: Hex;
  /** Zero, or the contract called back with the result. */
  consumer: Address;
  /** Gas the callback gets; zero without a consumer. */
  consumerGasLimit: number;
  /** OPG base units, all in. */
  fee: bigint;
  /** Of the fee, to the model's publisher. */
  royaltyPpm: number;
  /** Of the fee, to the protocol. */
  protocolFeePpm: number;
  /** Unix seconds. */
  expiresAt: number;
  /** 224-bit key, 32-bit sequence; see {@link nonceOf}. */
  nonce: bigint;
};

/** Which escrow's jobs are meant; a jobId is worth nothing under another one. */
export type EscrowDomain = { chainId: number; escrow: Address };

/** How a fee is divided, OPG base units; the three add up to the fee. */
export type FeeSplit = { earners: bigint; royalty: bigint; protocolFee: bigint };

/** EIP-712 types of a job, for `signTypedData` with `primaryType: "Job"`. */
export const JOB_TYPES = {
  Job: [
    { name: "payer", type: "address" },
    { name: "modelId", type: "bytes32" },
    { name: "inputHash", type: "bytes32" },
    { name: "inputUriHash", type: "bytes32" },
    { name: "verifier", type: "address" },
    { name: "verifierData", type: "bytes32" },
    { name: "consumer", type: "address" },
    { name: "consumerGasLimit", type: "uint32" },
    { name: "fee", type: "uint128" },
    { name: "royaltyPpm", type: "uint32" },
    { name: "protocolFeePpm", type: "uint32" },
    { name: "expiresAt", type: "uint40" },
    { name: "nonce", type: "uint256" },
  ],
} as const;

const PPM = 1_000_000n;
const SEQUENCE_BITS = 32n;
const MAX_SEQUENCE = 2 ** 32 - 1;
const MAX_KEY = (1n << 224n) - 1n;

/** The escrow's EIP-712 domain. */
export function escrowDomain(chainId: number, escrow: Address): TypedDataDomain {
  return { name: "OpenGradient JobEscrow", version: "1", chainId, verifyingContract: escrow };
}

/** EIP-712 `hashStruct` of the job, without a domain. */
export function hashJob(job: Job): Hex {
  return hashStruct({ data: job, primaryType: "Job", types: JOB_TYPES });
}

/** The jobId: the EIP-712 digest of the job in the escrow's domain, so a payer's signature over it authorises opening it. */
export function jobIdOf(job: Job, { chainId, escrow }: EscrowDomain): Hex {
  return hashTypedData({
    domain: escrowDomain(chainId, escrow),
    types: JOB_TYPES,
    primaryType: "Job",
    message: job,
  });
}

/**
 * A nonce from its two parts. Jobs of different keys are independent; a key holds one live job at a time.
 * @param key 224 bits
 * @param sequence 32 bits
 * @throws ProtocolError `job/nonce-out-of-range`
 */
export function nonceOf(key: bigint, sequence: number): bigint {
  if (key < 0n || key > MAX_KEY || !Number.isInteger(sequence) || sequence < 0 || sequence > MAX_SEQUENCE) {
    throw new ProtocolError(
      "job/nonce-out-of-range",
      `got key ${key} and sequence ${sequence}, allowed are 0 to 2^224 − 1 and 0 to 2^32 − 1: use a smaller one`,
    );
  }
  return (key << SEQUENCE_BITS) | BigInt(sequence);
}

/** The nonce's key. */
export function keyOf(job: Pick<Job, "nonce">): bigint {
  return job.nonce >> SEQUENCE_BITS;
}

/** The nonce's sequence within its key. */
export function sequenceOf(job: Pick<Job, "nonce">): number {
  return Number(job.nonce & BigInt(MAX_SEQUENCE));
}

/**
 * How the fee is divided when the job settles. The parts add up to the fee exactly; rounding favours the earners.
 * @throws ProtocolError `job/parts-exceed-fee` when royalty and protocol fee together are more than the fee
 */
export function splitFee(job: Pick<Job, "fee" | "royaltyPpm" | "protocolFeePpm">): FeeSplit {
  const royalty = (job.fee * BigInt(job.royaltyPpm)) / PPM;
  const protocolFee = (job.fee * BigInt(job.protocolFeePpm)) / PPM;
  const earners = job.fee - royalty - protocolFee;
  if (earners < 0n) {
    throw new ProtocolError(
      "job/parts-exceed-fee",
      `got ${job.royaltyPpm} ppm royalty and ${job.protocolFeePpm} ppm protocol fee, at most ${PPM} ppm in all are allowed: lower one`,
    );
  }
  return { earners, royalty, protocolFee };
}
