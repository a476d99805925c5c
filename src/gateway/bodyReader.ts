import { ApiError } from "../protocol/apiError.ts";

/** Reads a request's body as text. @throws ApiError 413, 503 */
export type BodyReader = (request: Request) => Promise<string>;

export type BodyLimits = {
  maxBytes: number;
  /** Of all bodies that are being read, bytes. */
  maxTogether: number;
};

/** A reader of bodies that holds a bounded number of bytes, however many come at once and however slowly. */
export function createBodyReader({ maxBytes, maxTogether }: BodyLimits): BodyReader {
  let reserved = 0;
  return async (request) => {
    const declared = Number(request.headers.get("content-length") ?? maxBytes);
    if (declared > maxBytes) throw tooLarge(maxBytes);
    if (reserved + declared > maxTogether) throw tooMany();
    reserved += declared;
    try {
      return await read(request, maxBytes);
    } finally {
      reserved -= declared;
    }
  };
}

async function read({ body }: Request, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const bytes of body ?? []) {
    size += bytes.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}

export function tooLarge(bytes: number): ApiError {
  return new ApiError(`the body has more than ${bytes} bytes: send less`, {
    ...{ status: 413, type: "invalid_request_error", code: "body_too_large" },
  });
}

function tooMany(): ApiError {
  return new ApiError("too much is being sent at once: try again", {
    ...{ status: 503, type: "server_error", code: "overloaded", retryAfterSeconds: 1 },
  });
}
