/** Collects bytes up to a limit. */
export type ByteSink = {
  /** @returns false, and takes nothing, when the bytes would be more than the limit */
  add(chunk: Uint8Array): boolean;
  /** All that was added; the sink is empty afterwards. */
  take(): Uint8Array<ArrayBuffer>;
};

const FIRST_BYTES = 4 * 1024;

/**
 * A sink whose memory follows the bytes that came, whatever was announced and however they were cut: a list of chunks
 * takes a hundred times as much when each holds one byte. At most 2 × `maxBytes`, and that only while it grows.
 */
export function createByteSink(maxBytes: number): ByteSink {
  let buffer = new ArrayBuffer(Math.min(FIRST_BYTES, maxBytes));
  let length = 0;
  return {
    add(chunk) {
      const needed = length + chunk.length;
      if (needed > maxBytes) return false;
      if (needed > buffer.byteLength) buffer = buffer.transfer(Math.min(maxBytes, Math.max(needed, length * 2)));
      new Uint8Array(buffer, length).set(chunk);
      length = needed;
      return true;
    },
    take() {
      const bytes = new Uint8Array(buffer.transfer(length));
      buffer = new ArrayBuffer(0);
      length = 0;
      return bytes;
    },
  };
}
