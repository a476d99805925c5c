import { type TransactionReceipt, toHex } from "viem";
import { encodeSettle, resultOf } from "../chain/escrow.ts";
import { committeeOf, scheduleOf } from "../chain/verifier.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { NodeContext, SeatTaken } from "./task.ts";

/** Blocks a seat leaves the one before it to settle. */
const BLOCKS_PER_TURN = 3n;

/** Refusals that mean that this settlement isn't ours to make. */
const OVERTAKEN = new Set(["contract/JobNotOpen", "contract/ResultNotMajority", "chain/transaction-reverted"]);

/**
 * Stop 8: brings the result's bytes once all have revealed or the time for it is over. Seats take turns, lowest first,
 * so that usually one transaction is sent; past the middle of the settle window nobody waits for anybody.
 * @returns the txReceipt, or null when somebody else was first, or the committee agreed on something else
 */
export async function settle(context: NodeContext, taken: SeatTaken): Promise<TransactionReceipt | null> {
  const { chain, head, relayer, operatorId } = context;
  const { jobId, job } = taken.opened;
  const from = head.latest().number;
  for (;;) {
    const { status } = await resultOf(chain, job);
    if (status !== "open") return null;
    const [committee, { revealsCloseAt, settlesBy }] = await Promise.all([
      committeeOf(chain, job),
      scheduleOf(chain, job),
    ]);
    const { number, timestamp } = head.latest();
    const isComplete = committee.every(({ revealed }) => revealed) || timestamp >= revealsCloseAt;
    const turn = BigInt(committee.findIndex((seat) => seat.operatorId === operatorId));
    const isLate = timestamp * 2 >= revealsCloseAt + settlesBy;
    if (isComplete && (isLate || number >= from + turn * BLOCKS_PER_TURN)) break;
    await head.until((newer) => newer.number > number);
  }
  const call = encodeSettle(chain.addresses, job, toHex(taken.result), "0x");
  try {
    return await relayer.submit(`settle ${jobId}`, call);
  } catch (error) {
    if (error instanceof ProtocolError && OVERTAKEN.has(error.code)) return null;
    throw error;
  }
}
