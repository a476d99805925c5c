import type { Hex } from "viem";
import { createByteSink } from "../fetch/byteSink.ts";
import { readComment } from "../protocol/callWire.ts";
import { afterPart, startOfStream } from "../protocol/checkPart.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { OpenCall, StatementChecks } from "./checkStatements.ts";
import { cut, sseBlocks } from "./sseBlocks.ts";
import type { Step } from "./steps.ts";

/** A part is held in memory until it is checked, and no more than it. */
export const MAX_PART_BYTES = 1024 * 1024;

const COMMENT = ": opg-";
/** The event that ends an answer, in each form that clients take for it: a line ends with CR, LF or both. */
const DONE = /(?:^\uFEFF?|[\r\n])data:\s*\[DONE\]/;

export type StreamToCheck = {
  call: OpenCall;
  /** The client's. */
  salt: Hex;
  body: AsyncIterable<Uint8Array>;
  checks: StatementChecks;
  step: Step;
};

/**
 * The answer's own bytes, part by part, each only after the operator's signature over it was checked; the part that ends the
 * answer, and what comes after it, only after the receipt was checked and is in the store.
 * @throws ProtocolError `part/…`, `receipt/…` for a lie, `connect/cut`, and what the body throws
 */
export async function* checkedStream({ call, salt, body, checks, step }: StreamToCheck): AsyncGenerator<Uint8Array> {
  const sink = createByteSink(MAX_PART_BYTES);
  let place = startOfStream(call.requestHash);
  let sequence: bigint | undefined;
  let pending = 0;
  const held = createByteSink(MAX_PART_BYTES);
  let isEnding = false;
  for await (const block of sseBlocks(body, MAX_PART_BYTES)) {
    const comment = commentOf(block);
    if (comment === undefined) {
      if (!sink.add(block)) throw tooLarge();
      pending += block.length;
    } else if ("part" in comment) {
      const bytes = sink.take();
      pending = 0;
      await checks.part(call, comment.part, {
        ...{ salt, place, bytes },
        ...(sequence !== undefined && { sequence }),
      });
      await step("partChecked");
      sequence = comment.part.part.sequence;
      place = afterPart(place, salt, bytes);
      isEnding ||= endsAnswer(bytes);
      if (!isEnding) yield bytes;
      else if (!held.add(bytes)) throw tooLarge();
    } else {
      if (pending > 0) throw unsigned(pending);
      const response = { responseRoot: place.runningHash, partCount: place.nextIndex };
      await checks.receipt(call, comment.receipt, { response, ...(sequence !== undefined && { sequence }) });
      if (isEnding) yield held.take();
      return;
    }
  }
  throw cut();
}

function commentOf(block: Uint8Array): ReturnType<typeof readComment> {
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  return text.subarray(0, COMMENT.length).toString("latin1") === COMMENT ? readComment(text.toString()) : undefined;
}

function endsAnswer(bytes: Uint8Array): boolean {
  return DONE.test(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}

function unsigned(bytes: number): ProtocolError {
  return new ProtocolError(
    "part/unsigned",
    `the last ${bytes} bytes of the stream are signed by nobody: they are refused`,
  );
}

function tooLarge(): ProtocolError {
  return new ProtocolError("part/too-large", `a part has more than ${MAX_PART_BYTES} bytes, that many are allowed`);
}
