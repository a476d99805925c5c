import { ProtocolError } from "../protocol/errors.ts";
import type { NodeContext } from "./task.ts";

function canPass(error: unknown): boolean {
  return error instanceof ProtocolError && (error.isRetryable || error.code.startsWith("chain/"));
}

/** A bond hangs on what is retried here; so many blocks of failures in a row are more than most windows. */
const MAX_ATTEMPTS = 500;

/**
 * Tries a step again with every new block until it goes through or a contract, or what was fetched, refuses it for good.
 * Whatever an RPC node says beside that may be a passing fault of its own.
 */
export async function retrying<T>({ head }: NodeContext, step: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const { number } = head.latest();
    try {
      return await step();
    } catch (error) {
      if (!canPass(error) || attempt === MAX_ATTEMPTS) throw error;
    }
    await head.until((newer) => newer.number > number);
  }
}
