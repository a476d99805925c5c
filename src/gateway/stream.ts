import { setTimeout as sleep } from "node:timers/promises";
import type { ApiErrorBody } from "../protocol/apiError.ts";
import { partComment, receiptComment } from "../protocol/callWire.ts";
import type { ReceiptDomain } from "../protocol/receipt.ts";
import type { AdmittedCall } from "./admit.ts";
import { named, type OnCallStep, outcomeOf, whyEnded } from "./answer.ts";
import type { IssuedCall, Outcome } from "./issuer.ts";
import { checkServed } from "./models.ts";
import { createPartBuffer, type PartBuffer } from "./partBuffer.ts";
import type { Served, UpstreamChunk } from "./upstream.ts";

export type StreamOptions = {
  domain: ReceiptDomain;
  /** Stops the upstream: the client went away or took nothing for too long, or the call has had its time. */
  stop: AbortController;
  /** So long a block waits to be read; then the call ends, and the stream with an error. */
  slowClientMs: number;
  onStep: OnCallStep;
  /** Told once there is a receipt, or there never will be one. */
  onEnd: (error?: unknown) => void;
};

const DONE = "data: [DONE]\n\n";
/** UTF-8 bytes that count as a unit when the upstream no longer says how many came. */
const BYTES_PER_UNIT = 4;

/**
 * Runs a streamed call. Returns once the upstream has begun, so that until then an error is still the whole answer.
 * Each part that leaves is signed over exactly its bytes; the receipt ends the stream, whatever ended the upstream's.
 * @throws ApiError
 */
export async function answerStream(
  call: AdmittedCall,
  issued: IssuedCall,
  options: StreamOptions,
): Promise<ReadableStream<Uint8Array>> {
  const { stop } = options;
  const run = call.model.upstream.stream[call.route];
  if (run === undefined) throw new Error(`${call.model.name} lost its stream on ${call.route}`);
  const request = {
    body: call.body,
    model: call.model.upstreamName,
    maxOutputUnits: call.maxOutputUnits,
    signal: stop.signal,
  };
  const chunks = run(request)[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    checkFirst(call, first);
    await issued.reserved();
    options.onStep("upstreamAnswered");
    const buffer = createPartBuffer();
    const account: Account = { served: undefined, bytes: 0 };
    void fill(call, chunks, first, buffer, account, stop);
    return readable(call, issued, buffer, account, options);
  } catch (error) {
    const why = whyEnded(error, stop.signal);
    stop.abort(why);
    await chunks.return?.()?.catch(() => {});
    await issued.abandon();
    options.onEnd(why);
    throw why;
  }
}

/** What has come of an answer. */
type Account = {
  /** As the upstream says at the end, or estimates where it was cut; undefined: neither has come. */
  served: Served | undefined;
  /** UTF-8 bytes of text that came. */
  bytes: number;
};

async function fill(
  call: AdmittedCall,
  chunks: AsyncIterator<UpstreamChunk>,
  first: IteratorResult<UpstreamChunk>,
  buffer: PartBuffer,
  account: Account,
  stop: AbortController,
): Promise<void> {
  try {
    for (let next = first; next.done !== true; next = await chunks.next()) {
      if ("served" in next.value) account.served = checked(call, next.value.served);
      else await buffer.add(eventOf(call, next.value.chunk, account));
    }
    if (account.served === undefined) throw new Error("the upstream didn't say what it served");
    await buffer.add(DONE);
  } catch (error) {
    stop.abort(error);
    await buffer.add(errorEvent(whyEnded(error, stop.signal).toBody())).catch(() => {});
    await chunks.return?.()?.catch(() => {});
  } finally {
    buffer.end();
  }
}

function checked({ model }: AdmittedCall, served: Served): Served {
  checkServed(model, served.model);
  return served;
}

/** What is no answer at all is refused before anything left. */
function checkFirst({ model }: AdmittedCall, first: IteratorResult<UpstreamChunk>): void {
  if (first.done === true) throw new Error("the upstream's stream was empty");
  const said = "served" in first.value ? first.value.served.model : first.value.chunk.model;
  if (typeof said === "string" && said !== "") checkServed(model, said);
}

function eventOf({ model }: AdmittedCall, chunk: Readonly<Record<string, unknown>>, account: Account): string {
  const name = typeof chunk.model === "string" && chunk.model !== "" ? checkServed(model, chunk.model) : model.name;
  account.bytes += textBytesOf(chunk);
  return `data: ${JSON.stringify(named(chunk, name))}\n\n`;
}

const errorEvent = (body: ApiErrorBody): string => `data: ${JSON.stringify(body)}\n\n`;

function readable(
  call: AdmittedCall,
  issued: IssuedCall,
  buffer: PartBuffer,
  account: Account,
  { domain, stop, slowClientMs, onStep, onEnd }: StreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let parts = 0;
  let isOver = false;
  let patience: NodeJS.Timeout | undefined;

  async function end(): Promise<string> {
    const receipt = await issued.end(streamOutcome(call, account)).catch(unfinished);
    onStep("receiptStored");
    onEnd();
    return receiptComment({ ...receipt, domain });
  }

  async function nextBlock(): Promise<string> {
    await sleep(pauseBefore(parts));
    const bytes = await buffer.take();
    if (bytes === undefined) {
      isOver = true;
      return await end();
    }
    const part = await issued.part(encoder.encode(bytes));
    parts += 1;
    onStep("partSigned");
    return bytes + partComment({ ...part, domain });
  }

  return new ReadableStream({
    async pull(controller) {
      clearTimeout(patience);
      try {
        controller.enqueue(encoder.encode(await nextBlock()));
        if (isOver) controller.close();
        else patience = setTimeout(() => void leave(controller), slowClientMs);
      } catch (error) {
        await giveUp(error);
        controller.error(error);
      }
    },
    async cancel(reason) {
      clearTimeout(patience);
      await giveUp(reason ?? new Error("the client went away"));
    },
  });

  /** An error is what makes the server let go of the connection, in which nothing moves. */
  async function leave(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const error = new Error(`the client took nothing for ${slowClientMs} ms`);
    controller.error(error);
    await giveUp(error);
  }

  /** A call that can't get its receipt isn't held against its channel. */
  async function unfinished(error: unknown): Promise<never> {
    await issued.abandon();
    throw error;
  }

  /** What left is charged, whoever is to blame: as the upstream has counted it, where it has. */
  async function giveUp(reason: unknown): Promise<void> {
    if (isOver) return onEnd(reason);
    isOver = true;
    stop.abort(reason);
    buffer.abandon(reason);
    await (parts === 0 ? issued.abandon().then(() => onEnd(reason)) : end().catch(onEnd));
  }
}

/** As many parts as an answer may have must last for a long one: after the first they come less often. */
function pauseBefore(part: number): number {
  if (part < 1_000) return 0;
  if (part < 3_000) return 100;
  return part < 4_000 ? 1_000 : 10_000;
}

/** Of a stream from which no text came there is nothing to pay, whatever its input would have cost. */
function streamOutcome(call: AdmittedCall, account: Account): Outcome {
  const outcome = outcomeOf(call, account.served ?? estimate(call, account));
  return account.served === undefined && account.bytes === 0 ? { ...outcome, price: 0n } : outcome;
}

/** What a stream that was cut has come to, when its upstream doesn't say: a unit for every four bytes of text. */
function estimate({ model, inputUnitsAtMost }: AdmittedCall, { bytes }: Account): Served {
  const units = (count: bigint) => (count + BigInt(BYTES_PER_UNIT) - 1n) / BigInt(BYTES_PER_UNIT);
  return { model: model.upstreamName, inputUnits: units(inputUnitsAtMost), outputUnits: units(BigInt(bytes)) };
}

/** UTF-8 bytes of what a chunk adds to the answer. */
function textBytesOf(chunk: Readonly<Record<string, unknown>>): number {
  const choices = Array.isArray(chunk.choices) ? (chunk.choices as Record<string, unknown>[]) : [];
  return choices.reduce((sum, choice) => sum + textIn(choice.delta ?? choice.text), 0);
}

/** Of all the texts in a delta but its role and what only names things. */
function textIn(value: unknown, name = ""): number {
  if (typeof value === "string") return ["role", "id", "type"].includes(name) ? 0 : Buffer.byteLength(value);
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce((sum, [key, item]) => sum + textIn(item, key), 0);
}
