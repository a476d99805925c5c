import type { Hex } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import { memberOf, scheduleOf, shareAt, totalShareAt } from "../chain/verifier.ts";
import { unpackTerms } from "../protocol/commitRevealTerms.ts";
import { firstEligibleStep, seedOf, ticketOf } from "../protocol/sortition.ts";
import type { NodeContext } from "./task.ts";

export type Acceptance = { accepted: true; seedHash: Hex; wideningStep: number } | { accepted: false; reason: string };

/** Stop 4: waits for the seed and decides by sortition whether, and from which widening step on, the job is ours. */
export async function accept(context: NodeContext, { jobId, job }: JobOpened): Promise<Acceptance> {
  const { chain, head, models, operatorId } = context;
  if (!models.find(job.modelId)) return { accepted: false, reason: `model ${job.modelId} isn't served here` };
  const terms = unpackTerms(job.verifierData);
  const { openedAt, seedBlock } = await scheduleOf(chain, job);
  const { share, locked } = await memberOf(chain, operatorId);
  if (locked + terms.bondUnits > share) return { accepted: false, reason: "all our stake is locked in other jobs" };

  await head.until(({ number }) => number > seedBlock);
  const { hash: seedHash } = await chain.publicClient.getBlock({ blockNumber: seedBlock });
  const wideningStep = firstEligibleStep({
    ticket: ticketOf(seedOf(seedHash, jobId), operatorId),
    stake: await shareAt(chain, operatorId, openedAt - 1),
    totalStake: await totalShareAt(chain, openedAt - 1),
    committeeSize: terms.committeeSize,
    maxWidening: terms.maxWidening,
  });
  if (wideningStep === null) return { accepted: false, reason: "not drawn" };
  await head.until(({ timestamp }) => timestamp >= openedAt + wideningStep * terms.commitWindowSeconds);
  return { accepted: true, seedHash, wideningStep };
}
