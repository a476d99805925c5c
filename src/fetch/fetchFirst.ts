import { ProtocolError } from "../protocol/errors.ts";
import type { FetchUri } from "./fetchUri.ts";

export type FetchedFile<T> = { bytes: Uint8Array; checked: T };

/** Whoever lists more places than this can make others try no more. */
const MAX_URIS = 8;

/**
 * The first file among the URIs, in their order, that passes the check.
 * @param check gives what the bytes stand for, or throws a ProtocolError
 * @throws ProtocolError what the only URI gave, or `fetch/no-source` when there are several; retryable when one of them is
 */
export async function fetchFirst<T>(
  fetchUri: FetchUri,
  uris: readonly string[],
  maxBytes: number,
  check: (bytes: Uint8Array) => T,
): Promise<FetchedFile<T>> {
  const failures: ProtocolError[] = [];
  for (const uri of uris.slice(0, MAX_URIS)) {
    try {
      const bytes = await fetchUri(uri, { maxBytes });
      return { bytes, checked: check(bytes) };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      failures.push(error);
    }
  }
  const [only, ...others] = failures;
  if (only && others.length === 0) throw only;
  throw noSource(failures);
}

function noSource(failures: readonly ProtocolError[]): ProtocolError {
  const last = failures.at(-1);
  return new ProtocolError(
    "fetch/no-source",
    `got no good file from any of ${failures.length} places (the last: ${last?.message}), one is wanted: its publisher must serve it`,
    { isRetryable: failures.some(({ isRetryable }) => isRetryable), cause: last },
  );
}
