import { concat, encodeAbiParameters, type Hex, isHex, size, stringToHex } from "viem";
import { keccak256 } from "#keccak";
import { ProtocolError } from "./errors.ts";

/** What an operator commits to before showing it. */
export type CommitmentOpening = {
  /** Binds chain, escrow and terms. */
  jobId: Hex;
  /** Makes a copied commitment worthless. */
  operatorId: number;
  /** keccak256 of the result bytes. */
  resultHash: Hex;
  /** 32 bytes, secret until the reveal: keeps a small set of possible results from being guessed. */
  salt: Hex;
};

const COMMITMENT_PARAMETERS = [
  { type: "bytes32" },
  { type: "uint32" },
  { type: "bytes32" },
  { type: "bytes32" },
] as const;

const SALT_TAG = keccak256(stringToHex("OpenGradient commitment salt 1"));

/** The hash that fixes an operator's result before showing it; one-to-one with `contracts/types/Commitment.sol`. */
export function commitmentHash({ jobId, operatorId, resultHash, salt }: CommitmentOpening): Hex {
  return keccak256(encodeAbiParameters(COMMITMENT_PARAMETERS, [jobId, operatorId, resultHash, salt]));
}

/**
 * The salt of a node's commitment to a job, 32 bytes. It depends on nothing that a crash can lose: a node that kept
 * only its secret derives the same salt again and can still reveal. keccak256 over a tag, the secret and the jobId is
 * a keyed pseudo-random function (a sponge with a secret prefix of fixed length, as in KMAC; no length extension), so a
 * revealed salt says nothing about the secret or the salt of another job, and the tag keeps other uses of it apart.
 * @param secret 32 random bytes that never leave the node
 * @throws ProtocolError `commitment/invalid-secret` when it isn't 32 bytes
 */
export function deriveSalt(secret: Hex, jobId: Hex): Hex {
  if (!isHex(secret) || size(secret) !== 32) {
    throw new ProtocolError(
      "commitment/invalid-secret",
      "the node's secret isn't 32 bytes in hex, nothing else is allowed: generate one and keep it",
    );
  }
  return keccak256(concat([SALT_TAG, secret, jobId]));
}
