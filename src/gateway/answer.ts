import { ApiError } from "../protocol/apiError.ts";
import { priceOf } from "../protocol/quote.ts";
import type { SignedReceipt } from "../protocol/receipt.ts";
import { type AdmittedCall, toApiError } from "./admit.ts";
import type { IssuedCall, Outcome } from "./issuer.ts";
import { checkServed } from "./models.ts";
import type { Served } from "./upstream.ts";

/** A step of a call that can't be undone any more; whoever listens may end the process there. */
export type CallStep = "reserved" | "upstreamAnswered" | "partSigned" | "receiptStored";
export type OnCallStep = (step: CallStep) => void;

export type WholeAnswer = { bytes: Uint8Array<ArrayBuffer>; receipt: SignedReceipt };

/**
 * Runs a call that isn't streamed: the body is its one part. What fails before there is a receipt costs nothing.
 * @throws ApiError
 */
export async function answerWhole(
  call: AdmittedCall,
  issued: IssuedCall,
  signal: AbortSignal,
  onStep: OnCallStep,
): Promise<WholeAnswer> {
  const { route, model, body } = call;
  try {
    const run = model.upstream.answer[route];
    if (run === undefined) throw new Error(`${model.name} lost its route ${route}`);
    const request = { body, model: model.upstreamName, maxOutputUnits: call.maxOutputUnits, signal };
    const answer = await run(request);
    onStep("upstreamAnswered");
    const outcome = outcomeOf(call, answer.served);
    const bytes = new TextEncoder().encode(JSON.stringify(named(answer.body, outcome.servedModel)));
    signal.throwIfAborted();
    await issued.whole(bytes);
    const receipt = await issued.end(outcome);
    onStep("receiptStored");
    return { bytes, receipt };
  } catch (error) {
    await issued.abandon();
    throw whyEnded(error, signal);
  }
}

/** As the client is told: an upstream that was stopped doesn't know why. */
export function whyEnded(error: unknown, { reason }: AbortSignal): ApiError {
  return reason instanceof ApiError ? reason : toApiError(error);
}

/** What the receipt says. @throws ApiError 502 when another model was served */
export function outcomeOf({ model, terms }: AdmittedCall, served: Served): Outcome {
  const { inputUnits, outputUnits } = served;
  const servedModel = checkServed(model, served.model);
  return { servedModel, inputUnits, outputUnits, price: priceOf(model.quote, served, terms.cap) };
}

/** An answer names the model as the network does. */
export function named(body: Readonly<Record<string, unknown>>, model: string): Record<string, unknown> {
  return "model" in body ? { ...body, model } : { ...body };
}
