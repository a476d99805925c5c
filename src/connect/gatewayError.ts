import { z } from "zod";
import { ApiError, type ApiErrorType } from "../protocol/apiError.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { oneLine } from "../protocol/oneLine.ts";
import type { GatewayAnswer } from "./gatewayHttp.ts";

/** An error that a gateway answered with: the call costs nothing. */
export type GatewayError = ApiError;

const MAX_ERROR_BYTES = 64 * 1024;
const BODY = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullish(),
    code: z.union([z.string(), z.number()]).nullish(),
  }),
});

/**
 * Reads an error in OpenAI's shape.
 * @throws ProtocolError `connect/strange-answer` for another: something between here and the gateway may have said that
 */
export async function readGatewayError(answer: GatewayAnswer): Promise<GatewayError> {
  const { status, headers } = answer;
  const bytes = await answer.readAll(MAX_ERROR_BYTES);
  const { success, data } = BODY.safeParse(parse(new TextDecoder().decode(bytes)));
  if (!success) {
    throw new ProtocolError("connect/strange-answer", `the operator answered with status ${status} and no error in it`);
  }
  const { message, type, param, code } = data.error;
  const retryAfter = Number(headers["retry-after"]);
  return new ApiError(oneLine(message), {
    ...{ status, type: type as ApiErrorType, code: String(code ?? "upstream_error") },
    ...(typeof param === "string" && { param }),
    ...(Number.isFinite(retryAfter) && retryAfter >= 0 && { retryAfterSeconds: retryAfter }),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
