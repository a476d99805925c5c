import { ApiError, badRequest } from "../../protocol/apiError.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { oneLine } from "../../protocol/oneLine.ts";
import { failed } from "./upstreamErrors.ts";

/** What running a model throws, as the gateway's clients are told: `tensor/…` is about what they sent. */
export function toInferenceError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof ProtocolError)) return failed(error);
  if (error.code.startsWith("tensor/")) return badRequest(oneLine(error.message), "invalid_value", "input");
  if (error.code !== "model/too-slow") return failed(error);
  const message = "the model took longer than is allowed here: use a smaller one, or another operator";
  return new ApiError(message, { status: 504, type: "upstream_error", code: "upstream_timeout", cause: error });
}
