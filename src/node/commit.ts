import { type Hex, keccak256 } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import { encodeCommit, jobRefOf } from "../chain/verifier.ts";
import { commitmentHash, deriveSalt } from "../protocol/commitment.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { MinedTransaction } from "../relayer/relayer.ts";
import { isSeated } from "./seat.ts";
import type { NodeContext } from "./task.ts";

/**
 * Stop 6: fixes the result on chain without showing it. Throws what the contract refuses, as `Relayer.submit` does.
 * @returns the transaction, or null when the seat was ours already and this store knows nothing of how
 */
export async function commit(
  context: NodeContext,
  { jobId, job }: JobOpened,
  seedHash: Hex,
  result: Uint8Array,
): Promise<MinedTransaction | null> {
  const { chain, relayer, operatorId, secret } = context;
  const salt = deriveSalt(secret, jobId);
  const commitment = commitmentHash({ jobId, operatorId, resultHash: keccak256(result), salt });
  const call = encodeCommit(chain.addresses, jobRefOf(jobId, job), seedHash, commitment);
  try {
    return await relayer.submit(`commit ${jobId}`, call);
  } catch (error) {
    // The salt is the same in every life of a node, so a seat that is ours already can be revealed.
    if (isRefusedAsSeated(error) || (await isSeated(context, job))) return null;
    throw error;
  }
}

/** The chain may know of the seat before this node has seen its block. */
function isRefusedAsSeated(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === "contract/AlreadySeated";
}
