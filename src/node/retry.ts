import { REFUND_GRACE_SECONDS } from "../chain/escrow.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Job } from "../protocol/job.ts";
import type { NodeContext } from "./task.ts";

function canPass(error: unknown): boolean {
  return error instanceof ProtocolError && (error.isRetryable || error.code.startsWith("chain/"));
}

/**
 * Tries a step again with every new block until it goes through, a contract or what was fetched refuses it for good, or
 * nobody can be paid or slashed for the job any more. Whatever an RPC node says beside that may be a passing fault of
 * its own.
 */
export async function retrying<T>(
  { head }: Pick<NodeContext, "head">,
  { expiresAt }: Pick<Job, "expiresAt">,
  step: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const { number, timestamp } = head.latest();
    try {
      return await step();
    } catch (error) {
      if (!canPass(error) || timestamp > expiresAt + REFUND_GRACE_SECONDS) throw error;
    }
    await head.until((newer) => newer.number > number);
  }
}

/** Tries so many times, after 1, 2, 4 … blocks more, until it goes through or is refused for good. */
export async function retryingSome<T>(
  { head }: Pick<NodeContext, "head">,
  attempts: number,
  step: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      if (!canPass(error) || attempt === attempts) throw error;
    }
    const resumesAt = head.latest().number + 2n ** BigInt(attempt - 1);
    await head.until(({ number }) => number >= resumesAt);
  }
}
