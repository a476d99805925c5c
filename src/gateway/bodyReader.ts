import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { Hex } from "viem";
import { ApiError } from "../protocol/apiError.ts";

/** A request, and under Node its own stream, which is read without making a web stream of it. */
export type BodySource = { request: Request; incoming?: Readable | undefined };

/**
 * Lets a request's body be used: read as text, at most once. Its bytes count as held until its user is done with the text.
 * @param channelId who pays for the request
 * @throws ApiError 408, 413, 503, and what the user throws
 */
export type BodyReader = <T>(
  source: BodySource,
  channelId: Hex,
  use: (text: () => Promise<string>) => Promise<T>,
) => Promise<T>;

export type BodyLimits = {
  maxBytes: number;
  /** Of all bodies of one channel that are being read, bytes. */
  maxOfChannel: number;
  /** Of all bodies that are being read, bytes. */
  maxTogether: number;
  /** From the first byte to the last. */
  maxMs: number;
};

/** A reader of bodies that holds a bounded number of bytes, however many come at once: as they come, whatever was announced. */
export function createBodyReader({ maxBytes, maxOfChannel, maxTogether, maxMs }: BodyLimits): BodyReader {
  let together = 0;
  const ofChannels = new Map<Hex, number>();

  function hold(channelId: Hex, bytes: number): void {
    const ofChannel = (ofChannels.get(channelId) ?? 0) + bytes;
    if (together + bytes > maxTogether || ofChannel > maxOfChannel) throw tooMany();
    together += bytes;
    ofChannels.set(channelId, ofChannel);
  }

  function letGo(channelId: Hex, bytes: number): void {
    together -= bytes;
    const left = (ofChannels.get(channelId) ?? 0) - bytes;
    if (left > 0) ofChannels.set(channelId, left);
    else ofChannels.delete(channelId);
  }

  return async ({ request, incoming }, channelId, use) => {
    let held = 0;
    const onBytes = (bytes: number) => {
      if (held + bytes > maxBytes) throw tooLarge(maxBytes);
      hold(channelId, bytes);
      held += bytes;
    };
    const text = async () => {
      if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
      if (incoming !== undefined) return await read(incoming, maxMs, onBytes);
      if (request.body === null) return "";
      const body = Readable.fromWeb(request.body as ReadableStream, { highWaterMark: 1 });
      return await read(body, maxMs, onBytes).finally(() => body.destroy());
    };
    try {
      return await use(text);
    } finally {
      letGo(channelId, held);
    }
  };
}

/** Leaves what it reads from open: a refused request still gets its answer. */
function read(body: Readable, maxMs: number, onBytes: (bytes: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder();
    let text = "";
    const timer = setTimeout(() => end(() => reject(tooSlow(maxMs))), maxMs);
    const onData = (bytes: Uint8Array) => {
      try {
        onBytes(bytes.length);
        text += decoder.decode(bytes, { stream: true });
      } catch (error) {
        end(() => reject(error));
      }
    };
    const onEnd = () => end(() => resolve(text + decoder.decode()));
    const onGone = (error?: Error) =>
      end(() => reject(error ?? new Error("the request ended before its body was whole")));
    function end(settle: () => void): void {
      clearTimeout(timer);
      body.off("data", onData).off("end", onEnd).off("close", onGone).pause();
      settle();
    }
    body.on("error", onGone); // stays: an error that comes later has nobody else
    if (body.readableEnded) return onEnd();
    if (body.destroyed) return onGone();
    body.on("data", onData).on("end", onEnd).on("close", onGone);
  });
}

export function tooLarge(bytes: number): ApiError {
  return new ApiError(`the body has more than ${bytes} bytes: send less`, {
    ...{ status: 413, type: "invalid_request_error", code: "body_too_large" },
  });
}

function tooSlow(maxMs: number): ApiError {
  return new ApiError(`the body wasn't here after ${maxMs} ms: send it faster, or less`, {
    ...{ status: 408, type: "invalid_request_error", code: "body_too_slow" },
  });
}

function tooMany(): ApiError {
  return new ApiError("too much is being sent at once: try again", {
    ...{ status: 503, type: "server_error", code: "overloaded", retryAfterSeconds: 1 },
  });
}
