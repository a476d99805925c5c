import { createByteSink } from "../fetch/byteSink.ts";
import { ProtocolError } from "../protocol/errors.ts";

const NEWLINE = 10;

/**
 * Cuts an event stream into its blocks, each up to and with the blank line that ends it, byte for byte.
 * @param maxBytes of one block
 * @throws ProtocolError `part/too-large`, `connect/cut` when the stream ends within a block, and what the body throws
 */
export async function* sseBlocks(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  const block = createByteSink(maxBytes);
  let length = 0;
  let last = 0;
  for await (const chunk of body) {
    for (let start = 0; start < chunk.length; ) {
      const end = endOfBlock(chunk, start, last);
      const piece = chunk.subarray(start, end ?? chunk.length);
      if (!block.add(piece)) throw tooLarge(maxBytes);
      length += piece.length;
      last = piece.at(-1) ?? 0;
      start += piece.length;
      if (end === undefined) continue;
      yield block.take();
      length = 0;
      last = 0;
    }
  }
  if (length > 0) throw cut();
}

/** The stream ended before its receipt came. */
export function cut(): ProtocolError {
  return new ProtocolError("connect/cut", "the operator's stream ended before its receipt came: ask again", {
    isRetryable: true,
  });
}

function endOfBlock(chunk: Uint8Array, start: number, last: number): number | undefined {
  if (last === NEWLINE && chunk[start] === NEWLINE) return start + 1;
  for (let at = chunk.indexOf(NEWLINE, start); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) {
    if (chunk[at + 1] === NEWLINE) return at + 2;
  }
  return undefined;
}

function tooLarge(maxBytes: number): ProtocolError {
  return new ProtocolError(
    "part/too-large",
    `a part of the stream has more than ${maxBytes} bytes, that many are allowed: ask another operator`,
  );
}
