import type { LookupAddress } from "node:dns";
import http, {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import { createByteSink } from "../fetch/byteSink.ts";
import { asUnreachable, tooLarge, unreachable } from "../fetch/errors.ts";
import { hostAddresses, type ResolveHost, resolveBySystem } from "../fetch/hostAddresses.ts";
import { parseUri } from "../fetch/uri.ts";

/** What a gateway answers; its bytes are read as fast as they are asked for, and no faster. */
export type GatewayAnswer = {
  status: number;
  headers: IncomingHttpHeaders;
  /** The first time over a kept connection that ended: whether that one arrived, its answer doesn't tell. */
  wasSentTwice: boolean;
  body: AsyncIterable<Uint8Array>;
  /** Instead: all of a body of at most so many bytes, in as much time as its first byte had. @throws ProtocolError `fetch/too-large`, `fetch/unreachable` */
  readAll(maxBytes: number): Promise<Uint8Array>;
  /** Ends the connection. */
  destroy(): void;
};

export type GatewayRequest = {
  method: "GET" | "POST";
  headers?: Record<string, string>;
  body?: Uint8Array;
  signal: AbortSignal;
  /** Called once all of the request has left. */
  onSent?: () => void;
};

export type GatewayHttp = {
  /** @throws ProtocolError `fetch/unreachable`, `fetch/refused-address`, `fetch/unsupported-uri`; the signal's reason */
  request(url: string, request: GatewayRequest): Promise<GatewayAnswer>;
  close(): void;
};

export type GatewayHttpOptions = {
  /** Whether gateways may be in private networks and on this machine. */
  allowPrivate: boolean;
  /** Until the answer's head, whatever comes before it, and between two pieces of the answer. */
  timeoutMs: number;
};

/** Speaks with gateways over connections that are kept; no name leads it to an address that isn't allowed. */
export function createGatewayHttp(
  { allowPrivate, timeoutMs }: GatewayHttpOptions,
  resolveHost: ResolveHost = resolveBySystem,
): GatewayHttp {
  const agents = { "http:": new http.Agent({ keepAlive: true }), "https:": new https.Agent({ keepAlive: true }) };

  const lookup =
    (url: URL): NonNullable<RequestOptions["lookup"]> =>
    (_hostname, _options, done) => {
      hostAddresses(url, { allowPrivate, resolveHost }).then(
        (addresses) => (done as (error: null, found: LookupAddress[]) => void)(null, addresses),
        (error: Error) => (done as (error: Error) => void)(error),
      );
    };

  return {
    async request(uri, { method, headers, body, signal, onSent }) {
      signal.throwIfAborted();
      const url = parseUri(uri, false);
      // A plain address is never looked up: it is checked here.
      if (!allowPrivate && isIP(url.hostname.replace(/^\[|\]$/g, "")) > 0) {
        await hostAddresses(url, { allowPrivate, resolveHost });
        signal.throwIfAborted();
      }
      const { promise: head, resolve, reject } = Promise.withResolvers<IncomingMessage>();

      let isAnswered = false;
      /** What became of the first sending, which may have arrived, when there was a second. */
      let lost: Error | undefined;

      function send(isFresh: boolean): ClientRequest {
        const request = (url.protocol === "https:" ? https : http).request(url, {
          ...{ method, timeout: timeoutMs, lookup: lookup(url), autoSelectFamily: true },
          agent: isFresh ? false : agents[url.protocol as keyof typeof agents],
          headers: { ...headers, "accept-encoding": "identity", ...(body && { "content-length": body.length }) },
        });
        request.on("response", (response) => {
          isAnswered = true;
          resolve(response);
        });
        request.on("timeout", () => request.destroy(tooSlow(url, timeoutMs)));
        // Node would drop the socket without a word.
        request.on("upgrade", (_, socket) => socket.destroy());
        request.on("error", (error) => {
          if (signal.aborted) return reject(signal.reason);
          // A kept connection may end just as it is used again; no gateway takes the same request twice.
          const isStale = !isAnswered && request.reusedSocket && "code" in error && error.code === "ECONNRESET";
          if (!isStale || lost !== undefined) return reject(asUnreachable(url, lost ?? error));
          lost = error;
          sending = send(true);
        });
        request.on("close", () => {
          if (request !== sending) return;
          signal.removeEventListener("abort", leave);
          reject(unreachable(url, "closed without an answer"));
        });
        request.end(body, onSent);
        return request;
      }

      const leave = () => void sending.destroy();
      let sending = send(false);
      signal.addEventListener("abort", leave, { once: true });
      // Interim answers keep a connection busy for ever: they don't count.
      const timer = setTimeout(() => sending.destroy(tooSlow(url, timeoutMs)), timeoutMs);
      const response = await head.finally(() => clearTimeout(timer));
      const { statusCode = 0, headers: answered } = response;
      return {
        ...{ status: statusCode, headers: answered, body: bytesOf(url, response, signal) },
        wasSentTwice: lost !== undefined,
        readAll: (maxBytes) => allOf(url, response, { maxBytes, timeoutMs, signal }),
        destroy: () => void response.destroy(),
      };
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

async function* bytesOf(url: URL, response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
  } catch (error) {
    throw signal.aborted ? signal.reason : asUnreachable(url, error);
  } finally {
    response.destroy();
  }
}

function allOf(
  url: URL,
  response: IncomingMessage,
  { maxBytes, timeoutMs, signal }: { maxBytes: number; timeoutMs: number; signal: AbortSignal },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => reject(signal.aborted ? signal.reason : asUnreachable(url, error));
    if (response.destroyed) return failed(response.errored);
    const sink = createByteSink(maxBytes);
    const timer = setTimeout(() => response.destroy(tooSlow(url, timeoutMs)), timeoutMs);
    response.on("data", (chunk: Uint8Array) => {
      if (!sink.add(chunk)) response.destroy(tooLarge(url, maxBytes));
    });
    // A request that is ended throws away what is still to be read, and then comes to an end.
    response.on("end", () => (signal.aborted || response.destroyed ? failed(response.errored) : resolve(sink.take())));
    response.on("error", failed);
    response.on("close", () => {
      clearTimeout(timer);
      failed(response.errored);
    });
  });
}

function tooSlow(url: URL, timeoutMs: number): Error {
  return unreachable(url, `not within ${timeoutMs} ms`);
}
