import type { Hex } from "viem";
import { rethrow } from "../chain/contractErrors.ts";
import type { JobOpened } from "../chain/jobEvents.ts";
import { memberOf, type Schedule, SEED_DELAY_BLOCKS, scheduleOf, shareAt } from "../chain/verifier.ts";
import { unpackTerms } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Job } from "../protocol/job.ts";
import { firstEligibleStep, seedOf, ticketOf } from "../protocol/sortition.ts";
import { isSeated } from "./seat.ts";
import type { NodeContext } from "./task.ts";

export type Acceptance = { accepted: true; seedHash: Hex; wideningStep: number } | { accepted: false; reason: string };

/** Stop 4: waits for the seed and decides by sortition whether, and from which widening step on, the job is ours. */
export async function accept(context: NodeContext, opened: JobOpened): Promise<Acceptance> {
  const unwanted = whyUnwanted(context, opened.job) ?? (await whyUnserved(context, opened.job.modelId));
  try {
    if (unwanted !== undefined && !(await wasTaken(context, opened))) return decline(unwanted);
    return await draw(context, opened);
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "contract/UnknownJob") return decline("the job is over");
    throw error;
  }
}

function whyUnwanted({ policy }: NodeContext, { fee, consumerGasLimit }: Job): string | undefined {
  const { minFee, maxConsumerGas } = policy;
  if (fee < minFee) return `it pays ${fee} OPG base units, at least ${minFee} are wanted here`;
  if (consumerGasLimit <= maxConsumerGas) return undefined;
  return `its callback may take ${consumerGasLimit} gas, at most ${maxConsumerGas} are paid here`;
}

/** Whether a life whose store was lost took it, on other terms than today's; nobody can before the seed is there. */
async function wasTaken(context: NodeContext, { job, place }: JobOpened): Promise<boolean> {
  return context.head.latest().number > place.blockNumber + SEED_DELAY_BLOCKS && isSeated(context, job);
}

/** A model that can't be fetched or mustn't be run is left to others; it is tried again with its next job. */
async function whyUnserved({ models, signal }: NodeContext, modelId: Hex): Promise<string | undefined> {
  try {
    return (await models.open(modelId)) ? undefined : `model ${modelId} isn't served here`;
  } catch (error) {
    signal.throwIfAborted(); // what stopping has ended says nothing of the model
    if (error instanceof ProtocolError && error.code.startsWith("chain/")) throw error;
    return `model ${modelId} can't be served: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function draw(context: NodeContext, opened: JobOpened): Promise<Acceptance> {
  const { chain, head, turns, signal } = context;
  const schedule = await turns.drawing.run(() => scheduleOf(chain, opened.job, head.latest().number), signal);
  await head.until(({ number }) => number > schedule.seedBlock);
  const drawn = await turns.drawing.run(() => drawFrom(context, opened, schedule), signal);
  if (drawn.accepted && drawn.wideningStep > 0) {
    const { commitWindowSeconds } = unpackTerms(opened.job.verifierData);
    const opensAt = schedule.openedAt + drawn.wideningStep * commitWindowSeconds;
    await head.until(({ timestamp }) => timestamp >= opensAt);
  }
  return drawn;
}

async function drawFrom(
  context: NodeContext,
  { jobId, job }: JobOpened,
  { openedAt, seedBlock, commitsCloseAt, totalShare }: Schedule,
): Promise<Acceptance> {
  const { chain, head, operatorId } = context;
  const terms = unpackTerms(job.verifierData);
  const { hash: seedHash } = await chain.publicClient.getBlock({ blockNumber: seedBlock }).catch(rethrow);
  // A store that was lost doesn't know of the seats its node had taken; their bonds hang on the reveal all the same.
  if (await isSeated(context, job)) return { accepted: true, seedHash, wideningStep: 0 };

  if (head.latest().timestamp >= commitsCloseAt) return decline("its commits have closed");
  const { share, locked } = await memberOf(chain, operatorId);
  if (locked + terms.bondUnits > share) return decline("all our stake is locked in other jobs");
  const wideningStep = firstEligibleStep({
    ticket: ticketOf(seedOf(seedHash, jobId), operatorId),
    stake: await shareAt(chain, operatorId, openedAt - 1),
    totalStake: totalShare,
    committeeSize: terms.committeeSize,
    maxWidening: terms.maxWidening,
  });
  return wideningStep === null ? decline("not drawn") : { accepted: true, seedHash, wideningStep };
}

function decline(reason: string): Acceptance {
  return { accepted: false, reason };
}
