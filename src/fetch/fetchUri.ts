import { withDeadline } from "./deadline.ts";
import { unreachable } from "./errors.ts";
import { hostAddresses, type ResolveHost, resolveBySystem } from "./hostAddresses.ts";
import { readLocalFile } from "./localFile.ts";
import { createTurns } from "./turns.ts";
import { parseUri } from "./uri.ts";
import { readWebFile } from "./webFile.ts";

/**
 * The bytes behind a URI that somebody else chose.
 * @param options `maxBytes` is what is read at most; `signal` ends the fetch at once, with its own reason
 * @throws ProtocolError `fetch/unreachable` and `fetch/busy`, which may pass, `fetch/unsupported-uri`,
 * `fetch/refused-address`, `fetch/insecure-redirect`, `fetch/too-many-redirects`, `fetch/bad-status`,
 * `fetch/bad-encoding`, `fetch/too-large`
 */
export type FetchUri = (uri: string, options: { maxBytes: number; signal?: AbortSignal }) => Promise<Uint8Array>;

export type FetchUriOptions = {
  /** Also private and loopback addresses, and regular files of this machine (`file:`); false unless told. */
  allowPrivate?: boolean;
  /** For a whole fetch once its turn has come: the name, redirects, headers and body; 5,000 unless told. */
  timeoutMs?: number;
  /** Fetches under way at a time, 4 unless told; their memory is at most this × twice their `maxBytes`. */
  maxParallel?: number;
};

/** A fetch beyond these is refused instead of waiting for its turn. */
const MAX_WAITING = 256;

const NEVER = new AbortController().signal;

/**
 * A way to fetch what strangers name: only from public addresses, bounded in time, bytes and number.
 * @param resolveHost how names become addresses; as the system does unless told
 */
export function createFetchUri(
  { allowPrivate = false, timeoutMs = 5_000, maxParallel = 4 }: FetchUriOptions = {},
  resolveHost: ResolveHost = resolveBySystem,
): FetchUri {
  const turns = createTurns(maxParallel, MAX_WAITING);
  const addressesOf = (url: URL) => hostAddresses(url, { allowPrivate, resolveHost });
  return async (uri, { maxBytes, signal }) => {
    const url = parseUri(uri, allowPrivate);
    const timeoutError = unreachable(url, `not within ${timeoutMs} ms`);
    const read = (ending: AbortSignal) =>
      url.protocol === "file:"
        ? readLocalFile(url, maxBytes, ending)
        : readWebFile(url, { maxBytes, signal: ending, addressesOf });
    // Whoever stalls takes a turn's time, not that of those who wait behind.
    return turns.run(() => withDeadline({ timeoutMs, timeoutError, signal }, read), signal ?? NEVER);
  };
}
