import { ApiError, badRequest } from "./apiError.ts";

/** A request whose body is still to be read. */
export type UnreadRequest = { contentType: string | undefined; text(): Promise<string> };

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * A request's body. Its content type must say that it is JSON: any page in a browser can send the others to anybody, this
 * machine's own servers included.
 *
 * @throws ApiError 400 `invalid_json`, 415 `unsupported_media_type`
 */
export async function readJsonBody({ contentType, text }: UnreadRequest): Promise<unknown> {
  if (contentType === undefined || !JSON_TYPE.test(contentType)) {
    throw new ApiError("the body's content type is something else than application/json: send JSON, and say so", {
      ...{ status: 415, type: "invalid_request_error", code: "unsupported_media_type" },
    });
  }
  const body = await text();
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest("the body isn't JSON: send a JSON object", "invalid_json");
  }
}
