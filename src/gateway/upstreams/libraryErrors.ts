import {
  APICallError,
  InvalidArgumentError,
  InvalidPromptError,
  InvalidResponseDataError,
  TooManyEmbeddingValuesForCallError,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import { ApiError, badRequest } from "../../protocol/apiError.ts";
import { cutShort, failed, garbage, limited, notTaken } from "./upstreamErrors.ts";

/** What a provider's library throws, or puts into its stream, as the gateway's clients are told. */
export function toApiError(error: unknown): ApiError {
  const own = ownError(error);
  if (own !== undefined) return own;
  if (UnsupportedFunctionalityError.isInstance(error))
    return notTaken("messages", `${error.functionality}: not supported by this model`);
  if (InvalidPromptError.isInstance(error)) {
    return badRequest("the messages are in no order that this model takes: change it", "invalid_value", "messages");
  }
  if (InvalidArgumentError.isInstance(error)) {
    return badRequest("a field has a value that this model doesn't take: leave it out", "invalid_value");
  }
  if (TooManyEmbeddingValuesForCallError.isInstance(error)) {
    const most = error.maxEmbeddingsPerCall;
    return badRequest(`input: this model takes at most ${most} texts at a time: send fewer`, "invalid_value", "input");
  }
  // A stream that ends too soon is told from one that makes no sense by there being nothing that makes none.
  if (InvalidResponseDataError.isInstance(error)) return error.data === undefined ? cutShort(error) : garbage(error);
  if (APICallError.isInstance(error)) return callError(error);
  // An error in the stream that is no Error is the upstream's own word.
  return error instanceof Error ? garbage(error) : failed(error);
}

/** An error that came in the stream of an answer that began well. */
function callError(error: APICallError): ApiError {
  const { statusCode } = error;
  if (statusCode === undefined || statusCode < 400) return garbage(error);
  return statusCode === 429 ? limited() : failed(error);
}

/** The libraries wrap what the wire throws. */
function ownError(error: unknown): ApiError | undefined {
  let at = error;
  for (let depth = 0; depth < 8 && at instanceof Error; depth++, at = at.cause) {
    if (at instanceof ApiError) return at;
  }
  return undefined;
}
