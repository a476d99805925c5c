import { createByteSink } from "../../fetch/byteSink.ts";
import { ApiError } from "../../protocol/apiError.ts";
import type { UpstreamSettings } from "../upstream.ts";
import { type Sent, sendHttp } from "./send.ts";
import { createStopwatch, type Stopwatch } from "./stopwatch.ts";
import { cutShort, garbage, statusError, timedOut, tooLarge, unreachable } from "./upstreamErrors.ts";

type Fetch = typeof globalThis.fetch;
type JsonObject = Record<string, unknown>;

/** One call's way to its upstream: what goes over it is bounded in time and size, and whatever goes wrong is an `ApiError`. */
export type Wire = {
  /** For the provider's library. */
  fetch: Fetch;
  /** The call is over: what is still under way is ended. */
  close(): void;
};

export type WireOptions = {
  settings: UpstreamSettings;
  /** The caller's: aborts the upstream's request. */
  signal: AbortSignal;
  /** Whether what is answered is handed on while it comes; whole, once all of it is here, unless told. */
  isStream?: boolean;
  /** The last word on what is sent, after the provider's library. @throws ApiError when something of it is missing */
  finishBody?(body: JsonObject): JsonObject;
};

/** So much an upstream may send for one call. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * A wire for one call. Its fetch throws `rate_limit_exceeded`, `upstream_refused`, `upstream_failed`,
 * `upstream_unreachable`, `upstream_timeout`, `upstream_too_large`, `upstream_cut`, `upstream_rejected`, `call_aborted`;
 * what is thrown while a stream is read is the same.
 */
export function createWire({ settings, signal, isStream, finishBody = (body) => body }: WireOptions): Wire {
  const { timeoutMs, baseUrl = "", apiKey = "", send = sendHttp } = settings;
  const watch = createStopwatch({ timeoutMs, timeoutError: () => timedOut(timeoutMs), signal });
  let room = MAX_ANSWER_BYTES;

  /** The body, read no faster than it is taken. */
  async function* read(body: Sent["body"]): AsyncGenerator<Uint8Array> {
    const chunks = body[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await watch.run(() => chunks.next(), cutShort);
      if (done) return;
      if (value.byteLength > room) throw tooLarge(MAX_ANSWER_BYTES);
      room -= value.byteLength;
      yield value;
    }
  }

  async function readWhole(body: Sent["body"]): Promise<Uint8Array<ArrayBuffer>> {
    const sink = createByteSink(room);
    for await (const chunk of read(body)) sink.add(chunk);
    return sink.take();
  }

  /** What an answer that isn't one says, as far as it is of use. */
  async function readError(body: Sent["body"]): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    try {
      for await (const chunk of read(body)) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > MAX_ERROR_BYTES) break;
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 499) throw error;
    }
    return text;
  }

  return {
    async fetch(url, { headers, body: text } = {}) {
      // A library that got a URL for an answer would get what is there, wherever it points.
      if (typeof url !== "string" || typeof text !== "string") throw garbage();
      const finished = JSON.stringify(finishBody(JSON.parse(text)));
      const ask = async () =>
        send(url, { headers: Object.fromEntries(new Headers(headers)), body: finished, signal: watch.signal });
      const { status, headers: answered, body } = await watch.run(ask, unreachable);
      if (status < 200 || status > 299) {
        throw statusError(status, answered["retry-after"], await readError(body), [apiKey, originOf(baseUrl)]);
      }
      const type = { headers: { "content-type": String(answered["content-type"] ?? "") } };
      return new Response(isStream ? streamOf(read(body), watch) : await readWhole(body), type);
    },
    close: () => watch.stop(),
  };
}

function streamOf(chunks: AsyncGenerator<Uint8Array>, watch: Stopwatch): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next();
          if (done) return controller.close();
          controller.enqueue(value);
        } catch (error) {
          watch.stop(error);
          controller.error(error);
        }
      },
      cancel: (reason) => watch.stop(reason),
    },
    { highWaterMark: 0 },
  );
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "";
}
