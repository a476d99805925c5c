import { type Hex, keccak256, type TransactionReceipt } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import { encodeCommit } from "../chain/verifier.ts";
import { commitmentHash, deriveSalt } from "../protocol/commitment.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { NodeContext, SeatTaken } from "./task.ts";

/**
 * Stop 6: fixes the result on chain without showing it. Throws what the contract refuses, as `sendCall` does.
 * @returns the seat, and the txReceipt unless an earlier try had taken it without our hearing of it
 */
export async function commit(
  { chain, relayer, operatorId, secret }: NodeContext,
  opened: JobOpened,
  seedHash: Hex,
  result: Uint8Array,
): Promise<{ seat: SeatTaken; txReceipt: TransactionReceipt | null }> {
  const { jobId, job } = opened;
  const resultHash = keccak256(result);
  const salt = deriveSalt(secret, jobId);
  const commitment = commitmentHash({ jobId, operatorId, resultHash, salt });
  const call = encodeCommit(chain.addresses, job, seedHash, commitment);
  const seat = { opened, result, resultHash, salt };
  try {
    return { seat, txReceipt: await relayer.submit(`commit ${jobId}`, call) };
  } catch (error) {
    // The salt is the same in every try, so a seat that is ours already can be revealed.
    if (error instanceof ProtocolError && error.code === "contract/AlreadySeated") return { seat, txReceipt: null };
    throw error;
  }
}
