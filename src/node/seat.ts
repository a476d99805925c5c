import { committeeOf } from "../chain/verifier.ts";
import type { Job } from "../protocol/job.ts";
import type { NodeContext } from "./task.ts";

/** Whether a seat of the job is ours. */
export async function isSeated({ chain, operatorId }: NodeContext, job: Job): Promise<boolean> {
  const committee = await committeeOf(chain, job);
  return committee.some((seat) => seat.operatorId === operatorId);
}
