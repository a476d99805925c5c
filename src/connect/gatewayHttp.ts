import type { LookupAddress } from "node:dns";
import http, { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { createByteSink } from "../fetch/byteSink.ts";
import { withDeadline } from "../fetch/deadline.ts";
import { asUnreachable, tooLarge, unreachable } from "../fetch/errors.ts";
import { hostAddresses, type ResolveHost, resolveBySystem } from "../fetch/hostAddresses.ts";
import { parseUri } from "../fetch/uri.ts";

/** What a gateway answers; its bytes are read as fast as they are asked for, and no faster. */
export type GatewayAnswer = {
  status: number;
  headers: IncomingHttpHeaders;
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
      const url = parseUri(uri, false);
      const find = async (ending: AbortSignal): Promise<IncomingMessage> => {
        // A plain address is never looked up: it is checked here.
        if (!allowPrivate) await hostAddresses(url, { allowPrivate, resolveHost });
        ending.throwIfAborted();
        return await send(false, ending);
      };
      const send = (isFresh: boolean, ending: AbortSignal) =>
        new Promise<IncomingMessage>((resolve, reject) => {
          const sending = (url.protocol === "https:" ? https : http).request(url, {
            ...{ method, signal, timeout: timeoutMs, lookup: lookup(url), autoSelectFamily: true },
            agent: isFresh ? false : agents[url.protocol as keyof typeof agents],
            headers: { ...headers, "accept-encoding": "identity", ...(body && { "content-length": body.length }) },
          });
          ending.addEventListener("abort", () => sending.destroy(), { once: true });
          sending.on("response", resolve).on("timeout", () => sending.destroy(tooSlow(url, timeoutMs)));
          // Node would drop the socket without a word.
          sending.on("upgrade", (_, socket) => socket.destroy());
          sending.on("error", (error) => {
            if (signal.aborted) return reject(signal.reason);
            // A kept connection may end just as it is used again; no gateway takes the same request twice.
            const isStale = sending.reusedSocket && "code" in error && error.code === "ECONNRESET";
            return isStale && !isFresh ? resolve(send(true, ending)) : reject(asUnreachable(url, error));
          });
          sending.on("close", () => reject(unreachable(url, "closed without an answer")));
          sending.end(body, onSent);
        });
      // Interim answers keep a connection busy for ever: they don't count.
      const response = await withDeadline({ timeoutMs, timeoutError: tooSlow(url, timeoutMs), signal }, find);
      const { statusCode = 0, headers: answered } = response;
      return {
        ...{ status: statusCode, headers: answered, body: bytesOf(url, response, signal) },
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
