import { ApiError } from "../protocol/apiError.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type Answer, toApiError } from "./attempt.ts";
import type { Step } from "./steps.ts";

/** What the answer's headers say of it. */
export const ANSWER_HEADERS = {
  verified: "x-opg-verified",
  operator: "x-opg-operator",
  receiptId: "x-opg-receipt-id",
  /** OPG base units. */
  price: "x-opg-price",
  attempts: "x-opg-attempts",
} as const;

/** Who ends an answer before its end: the app, and this local end. */
export type Ending = { signal: AbortSignal | undefined; stopping: AbortSignal };

/** An answer as the app gets it. */
export function toResponse(answer: Answer, ending: Ending, step: Step): Response {
  const said = {
    [ANSWER_HEADERS.verified]: answer.verified,
    [ANSWER_HEADERS.operator]: answer.operatorIds.join(", "),
    [ANSWER_HEADERS.attempts]: String(answer.attempts),
  };
  if (answer.kind === "stream") {
    const headers = { ...said, "content-type": "text/event-stream", "cache-control": "no-cache" };
    return new Response(bodyOf(answer, ending, step), { headers });
  }
  const headers = {
    ...said,
    "content-type": "application/json",
    [ANSWER_HEADERS.receiptId]: answer.receiptIds.join(", "),
    [ANSWER_HEADERS.price]: String(answer.price),
  };
  return new Response(answer.bytes as Uint8Array<ArrayBuffer>, { headers });
}

/** An error as OpenAI's API has it. */
export function errorResponse(error: ApiError): Response {
  const response = error.toResponse();
  response.headers.set(ANSWER_HEADERS.verified, "none");
  return response;
}

/** Any error as one for the app. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const code = error instanceof ProtocolError ? error.code.replaceAll(/[/-]/g, "_") : "internal_error";
  const message = error instanceof ProtocolError ? error.message : "the local end failed: see what it says of it";
  return new ApiError(message, { status: 502, type: "server_error", code, cause: error });
}

/** Told to apps whose calls are under way. */
export function stops(): ApiError {
  return new ApiError("the local end stops: ask again once it is back", {
    ...{ status: 503, type: "server_error", code: "stopping", retryAfterSeconds: 1 },
  });
}

/** One part at a time, when the app is ready for it. */
function bodyOf(
  { parts, operatorIds }: Extract<Answer, { kind: "stream" }>,
  { signal, stopping }: Ending,
  step: Step,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const part = await parts.next();
          if (part !== undefined) return controller.enqueue(part);
          await step("answered");
          controller.close();
        } catch (error) {
          if (signal?.aborted) return controller.error(signal.reason);
          controller.enqueue(errorEvent(stopping.aborted ? stops() : toApiError(error, operatorIds[0] ?? 0)));
          controller.close();
        }
      },
      cancel: () => parts.cancel(),
    },
    { highWaterMark: 0 },
  );
}

function errorEvent(error: ApiError): Uint8Array {
  return new TextEncoder().encode(`data: ${JSON.stringify(error.toBody())}\n\n`);
}
