import { type Hex, keccak256, type TransactionReceipt } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import { encodeCommit } from "../chain/verifier.ts";
import { commitmentHash, deriveSalt } from "../protocol/commitment.ts";
import type { NodeContext, SeatTaken } from "./task.ts";

/** Stop 6: fixes the result on chain without showing it. Throws what the contract refuses, as `sendCall` does. */
export async function commit(
  { chain, relayer, operatorId, secret }: NodeContext,
  opened: JobOpened,
  seedHash: Hex,
  result: Uint8Array,
): Promise<{ seat: SeatTaken; txReceipt: TransactionReceipt }> {
  const { jobId, job } = opened;
  const resultHash = keccak256(result);
  const salt = deriveSalt(secret, jobId);
  const commitment = commitmentHash({ jobId, operatorId, resultHash, salt });
  const call = encodeCommit(chain.addresses, job, seedHash, commitment);
  const txReceipt = await relayer.submit(`commit ${jobId}`, call);
  return { seat: { opened, result, resultHash, salt }, txReceipt };
}
