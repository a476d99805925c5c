import { keccak256, toHex } from "viem";
import { encodeSettle, resultOf } from "../chain/escrow.ts";
import type { JobOpened } from "../chain/jobEvents.ts";
import { committeeOf, scheduleOf } from "../chain/verifier.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { MinedTransaction } from "../relayer/relayer.ts";
import type { NodeContext } from "./task.ts";

/** Blocks a seat leaves the one before it to settle. */
const BLOCKS_PER_TURN = 3n;

/**
 * Stop 8: brings the result's bytes once all have revealed or the time for it is over. Seats take turns, lowest first,
 * so that usually one transaction is sent; past the middle of the settle window nobody waits for anybody.
 * @returns the transaction, or why there is none of ours
 */
export async function settle(
  { chain, head, relayer, operatorId }: NodeContext,
  { jobId, job }: JobOpened,
  result: Uint8Array,
): Promise<MinedTransaction | "another settled it" | "the committee agreed on another result"> {
  const from = head.latest().number;
  for (;;) {
    const { number, timestamp } = head.latest();
    const { status, resultHash } = await resultOf(chain, job, number);
    if (status === "settled" || status === "undelivered") {
      return resultHash === keccak256(result) ? "another settled it" : "the committee agreed on another result";
    }
    if (status !== "open") return "another settled it";
    const [committee, { revealsCloseAt, settlesBy }] = await Promise.all([
      committeeOf(chain, job, number),
      scheduleOf(chain, job, number),
    ]);
    const isComplete = committee.every(({ revealed }) => revealed) || timestamp >= revealsCloseAt;
    const turn = BigInt(committee.findIndex((seat) => seat.operatorId === operatorId));
    const isLate = timestamp * 2 >= revealsCloseAt + settlesBy;
    if (isComplete && (isLate || number >= from + turn * BLOCKS_PER_TURN)) break;
    await head.until((newer) => newer.number > number);
  }
  const call = encodeSettle(chain.addresses, job, toHex(result), "0x");
  try {
    return await relayer.submit(`settle ${jobId}`, call);
  } catch (error) {
    const code = error instanceof ProtocolError ? error.code : "";
    if (code === "contract/JobNotOpen") return "another settled it";
    if (code === "contract/ResultNotMajority") return "the committee agreed on another result";
    throw error;
  }
}
