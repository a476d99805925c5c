import { ApiError } from "../../protocol/apiError.ts";
import type { UpstreamSettings } from "../upstream.ts";
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
  /** The last word on what is sent, after the provider's library. @throws ApiError when something of it is missing */
  finishBody?(body: JsonObject): JsonObject;
};

/** So much an upstream may send for one call. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * A wire for one call. Its fetch throws `rate_limit_exceeded`, `upstream_refused`, `upstream_failed`,
 * `upstream_unreachable`, `upstream_timeout`, `upstream_too_large`, `upstream_cut`, `upstream_rejected`, `call_aborted`;
 * what is thrown while a body is read is the same.
 */
export function createWire({ settings, signal, finishBody = (body) => body }: WireOptions): Wire {
  const { timeoutMs, baseUrl = "", apiKey = "" } = settings;
  const send = settings.fetch ?? globalThis.fetch;
  const watch = createStopwatch({ timeoutMs, timeoutError: () => timedOut(timeoutMs), signal });
  let received = 0;

  function count(chunk: Uint8Array): void {
    received += chunk.byteLength;
    if (received > MAX_ANSWER_BYTES) throw tooLarge(MAX_ANSWER_BYTES);
  }

  return {
    async fetch(url, init = {}) {
      // A library that got a URL for an answer would get what is there, wherever it points.
      if (typeof init.body !== "string") throw garbage();
      const body = JSON.stringify(finishBody(JSON.parse(init.body)));
      const request = { ...init, body, redirect: "manual", signal: watch.signal } as const;
      const response = await watch.run(() => send(url, request), unreachable);
      if (!response.ok) throw statusError(response, await readText(response, watch), [apiKey, originOf(baseUrl)]);
      const { status, headers } = response;
      return new Response(response.body && guard(response.body, watch, count), { status, headers });
    },
    close: () => watch.stop(),
  };
}

/** The body, read no faster than it is taken. */
function guard(
  body: ReadableStream<Uint8Array>,
  watch: Stopwatch,
  count: (chunk: Uint8Array) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await watch.run(() => reader.read(), cutShort);
          if (done) return controller.close();
          count(value);
          controller.enqueue(value);
        } catch (error) {
          watch.stop(error);
          controller.error(error);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** What an answer that isn't one says, as far as it is of use. */
async function readText(response: Response, watch: Stopwatch): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of guard(response.body ?? new ReadableStream(), watch, () => {})) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > MAX_ERROR_BYTES) break;
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === 499) throw error;
  }
  return text;
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "";
}
