import { REFUND_GRACE_SECONDS, resultOf } from "../chain/escrow.ts";
import type { JobOpened } from "../chain/jobEvents.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { NodeContext } from "./task.ts";

/**
 * A contract's refusal, or that of what was fetched, is for good; whatever else an RPC says may be a passing fault, and
 * so may what our own store does.
 */
function canPass(error: unknown): boolean {
  return !(error instanceof ProtocolError) || error.isRetryable || error.code.startsWith("chain/");
}

/**
 * Tries a step again with every new block until it goes through, is refused for good, or nobody can be paid or slashed
 * for the job any more.
 */
export async function retrying<T>(context: NodeContext, opened: JobOpened, step: () => Promise<T>): Promise<T> {
  return repeat(context, opened, step, async (error) => !canPass(error));
}

/**
 * Tries a step that a bond hangs on until it goes through or the job has ended: refusals of an RPC that lags behind the
 * newest block seen, or lies, aren't believed.
 * @returns undefined when the job ended first
 */
export async function insisting<T>(
  context: NodeContext,
  opened: JobOpened,
  step: () => Promise<T>,
): Promise<T | undefined> {
  let isOver = false;
  const end = async () => {
    isOver = await hasEnded(context, opened);
    return isOver;
  };
  return repeat(context, opened, step, end).catch((error: unknown) => {
    if (isOver) return undefined;
    throw error;
  });
}

async function hasEnded({ chain, head }: NodeContext, { job }: JobOpened): Promise<boolean> {
  try {
    return (await resultOf(chain, job, head.latest().number)).status !== "open";
  } catch {
    return false;
  }
}

async function repeat<T>(
  context: NodeContext,
  opened: JobOpened,
  step: () => Promise<T>,
  isFinal: (error: unknown) => Promise<boolean>,
): Promise<T> {
  const { head } = context;
  let told = "";
  for (;;) {
    const { number, timestamp } = head.latest();
    try {
      return await step();
    } catch (error) {
      context.signal.throwIfAborted();
      if (timestamp > opened.job.expiresAt + REFUND_GRACE_SECONDS || (await isFinal(error))) throw error;
      told = tell(context, opened, error, told);
    }
    await head.until((newer) => newer.number > number);
  }
}

/** Tries so many times, after 1, 2, 4 … blocks more, until it goes through or is refused for good. */
export async function retryingSome<T>(
  context: NodeContext,
  opened: JobOpened,
  attempts: number,
  step: () => Promise<T>,
): Promise<T> {
  const { head } = context;
  let told = "";
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      context.signal.throwIfAborted();
      if (!canPass(error) || attempt === attempts) throw error;
      told = tell(context, opened, error, told);
    }
    const resumesAt = head.latest().number + 2n ** BigInt(attempt - 1);
    await head.until(({ number }) => number >= resumesAt);
  }
}

/** Each reason once in a row. */
function tell({ operatorId, report }: NodeContext, { jobId }: JobOpened, error: unknown, told: string): string {
  const reason = error instanceof Error ? error.message : String(error);
  if (reason !== told) report({ jobId, operatorId, step: "retrying", reason });
  return reason;
}
