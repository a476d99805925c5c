import { ProtocolError } from "../protocol/errors.ts";
import type { NodeContext } from "./task.ts";

/** A bond hangs on what is retried here; a window is never longer than this many blocks of failures in a row. */
const MAX_ATTEMPTS = 50;

/** Tries a step again with every new block while it fails in a way that time or another try can mend. */
export async function retrying<T>({ head }: NodeContext, step: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const { number } = head.latest();
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof ProtocolError) || !error.isRetryable || attempt === MAX_ATTEMPTS) throw error;
    }
    await head.until((newer) => newer.number > number);
  }
}
