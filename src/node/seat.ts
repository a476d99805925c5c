import { committeeOf } from "../chain/verifier.ts";
import type { Job } from "../protocol/job.ts";
import type { NodeContext } from "./task.ts";

/** Whether a seat of the job was ours at the end of the newest block seen. */
export async function isSeated({ chain, head, operatorId }: NodeContext, job: Job): Promise<boolean> {
  const committee = await committeeOf(chain, job, head.latest().number);
  return committee.some((seat) => seat.operatorId === operatorId);
}
