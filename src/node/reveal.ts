import type { TransactionReceipt } from "viem";
import { committeeOf, encodeReveal, scheduleOf } from "../chain/verifier.ts";
import type { Job } from "../protocol/job.ts";
import type { NodeContext, SeatTaken } from "./task.ts";

export type RevealOutcome = { outcome: "evicted" } | { outcome: "revealed"; txReceipt: TransactionReceipt | null };

/**
 * Stop 7: once commits have closed, shows the result's hash.
 * @returns how it went: `evicted` when a lower draw has taken our seat meanwhile, `revealed` without a txReceipt when an
 * earlier try, or somebody who carried the reveal, was first
 */
export async function reveal(context: NodeContext, taken: SeatTaken): Promise<RevealOutcome> {
  const { chain, relayer, operatorId } = context;
  const { jobId, job } = taken.opened;
  await commitsClosed(context, job);
  const committee = await committeeOf(chain, job);
  const seat = committee.findIndex((taken) => taken.operatorId === operatorId);
  if (seat < 0) return { outcome: "evicted" };
  if (committee[seat]?.revealed) return { outcome: "revealed", txReceipt: null };
  const call = encodeReveal(chain.addresses, job, { seat, resultHash: taken.resultHash, salt: taken.salt });
  return { outcome: "revealed", txReceipt: await relayer.submit(`reveal ${jobId}`, call) };
}

/** The closing time moves earlier when the last seat is taken, so it is read again with every block. */
async function commitsClosed({ chain, head }: NodeContext, job: Job): Promise<void> {
  for (;;) {
    const { commitsCloseAt } = await scheduleOf(chain, job);
    const { number, timestamp } = head.latest();
    if (timestamp >= commitsCloseAt) return;
    await head.until((newer) => newer.number > number);
  }
}
