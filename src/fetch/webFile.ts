import type { LookupAddress } from "node:dns";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { ProtocolError } from "../protocol/errors.ts";
import { createByteSink } from "./byteSink.ts";
import { asUnreachable, shown, shownUrl, tooLarge, unreachable } from "./errors.ts";
import { redirectTarget } from "./uri.ts";

export type WebOptions = {
  maxBytes: number;
  signal: AbortSignal;
  /** Where a connection for the URL may go; asked for every redirect too. */
  addressesOf(url: URL): Promise<LookupAddress[]>;
};

const MAX_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const PASSING: readonly number[] = [408, 425, 429];

/**
 * Reads what an `http:` or `https:` URL serves, over redirects.
 * @throws ProtocolError `fetch/unreachable`, `fetch/refused-address`, `fetch/unsupported-uri`, `fetch/insecure-redirect`,
 * `fetch/too-many-redirects`, `fetch/bad-status`, `fetch/bad-encoding`, `fetch/too-large`
 */
export async function readWebFile(start: URL, options: WebOptions): Promise<Uint8Array> {
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await get(url, await options.addressesOf(url), options.signal);
    try {
      const target = targetOf(url, response);
      if (target === undefined) return await readBody(url, response, options.maxBytes);
      url = target;
    } finally {
      response.destroy();
    }
  }
  throw new ProtocolError(
    "fetch/too-many-redirects",
    `${shownUrl(start)} redirects more than ${MAX_REDIRECTS} times, that many are allowed: name the last place`,
  );
}

/** Connects to one of the addresses that were checked: the name isn't resolved a second time. */
function get(url: URL, addresses: LookupAddress[], signal: AbortSignal): Promise<IncomingMessage> {
  const options = {
    agent: false, // a connection of its own, without proxies
    autoSelectFamily: true, // asks `lookup` for all addresses at once
    headers: { "accept-encoding": "identity" },
    lookup: (_hostname: string, _options: unknown, done: (error: null, addresses: LookupAddress[]) => void) =>
      done(null, addresses),
    signal,
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? https.get(url, options) : http.get(url, options);
    request.on("response", resolve).on("error", (error) => reject(asUnreachable(url, error)));
    // Node would drop the socket without a word.
    request.on("upgrade", (_, socket) => socket.destroy());
    request.on("close", () => reject(unreachable(url, "closed without an answer")));
  });
}

function targetOf(url: URL, { statusCode = 0, headers }: IncomingMessage): URL | undefined {
  if (REDIRECTS.includes(statusCode) && headers.location !== undefined) return redirectTarget(url, headers.location);
  if (statusCode === 200) return undefined;
  if (statusCode >= 500 || PASSING.includes(statusCode)) throw unreachable(url, `status ${statusCode}`);
  throw new ProtocolError(
    "fetch/bad-status",
    `got status ${statusCode} from ${shownUrl(url)}, 200 is wanted: serve it to everybody, at that place`,
  );
}

async function readBody(url: URL, response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  checkEncoding(url, response);
  if (Number(response.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(url, maxBytes);
  const sink = createByteSink(maxBytes);
  try {
    for await (const chunk of response) if (!sink.add(chunk)) throw tooLarge(url, maxBytes);
  } catch (error) {
    throw asUnreachable(url, error);
  }
  return sink.take();
}

/** Bytes are counted as they come, so they must be the file's own. */
function checkEncoding(url: URL, { headers }: IncomingMessage): void {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() === "identity") return;
  throw new ProtocolError(
    "fetch/bad-encoding",
    `got content-encoding ${shown(encoding)} from ${shownUrl(url)}, identity was asked for: serve the file as it is`,
  );
}
