import { keccak256 } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import { committeeOf, encodeReveal, jobRefOf, scheduleOf } from "../chain/verifier.ts";
import { deriveSalt } from "../protocol/commitment.ts";
import type { Job } from "../protocol/job.ts";
import type { MinedTransaction } from "../relayer/relayer.ts";
import type { NodeContext } from "./task.ts";
import type { Head } from "./watch.ts";

export type RevealOutcome = { outcome: "evicted" } | { outcome: "revealed"; transaction: MinedTransaction | null };

/**
 * Stop 7: once commits have closed, shows the result's hash.
 * @returns how it went: `evicted` when a lower draw has taken our seat meanwhile, `revealed` without a transaction when
 * somebody who carried the reveal was first
 */
export async function reveal(
  context: NodeContext,
  { jobId, job }: JobOpened,
  result: Uint8Array,
): Promise<RevealOutcome> {
  const { chain, relayer, operatorId, secret } = context;
  const { number } = await commitsClosed(context, job);
  // At that very block: an RPC that lags fails, instead of showing a committee from before our commit.
  const committee = await committeeOf(chain, job, number);
  const seat = committee.findIndex((taken) => taken.operatorId === operatorId);
  if (seat < 0) return { outcome: "evicted" };
  if (committee[seat]?.revealed) return { outcome: "revealed", transaction: null };
  const opening = { seat, resultHash: keccak256(result), salt: deriveSalt(secret, jobId) };
  const call = encodeReveal(chain.addresses, jobRefOf(jobId, job), opening);
  return { outcome: "revealed", transaction: await relayer.submit(`reveal ${jobId}`, call) };
}

/** The closing time moves earlier when the last seat is taken, so it is read again with every block. */
async function commitsClosed({ chain, head }: NodeContext, job: Job): Promise<Head> {
  for (;;) {
    const latest = head.latest();
    const { commitsCloseAt } = await scheduleOf(chain, job, latest.number);
    if (latest.timestamp >= commitsCloseAt) return latest;
    await head.until(({ number }) => number > latest.number);
  }
}
