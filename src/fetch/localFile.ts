import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ProtocolError } from "../protocol/errors.ts";
import { createByteSink } from "./byteSink.ts";
import { asUnreachable, shownUrl, tooLarge } from "./errors.ts";

/**
 * Reads a regular file of this machine.
 * @throws ProtocolError `fetch/unreachable`, `fetch/unsupported-uri` for a folder, device or pipe, `fetch/too-large`
 */
export async function readLocalFile(url: URL, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  try {
    // Opening a pipe would otherwise wait for its other end, out of reach of the deadline.
    const file = await open(url, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await readRegular(url, file, maxBytes, signal);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asUnreachable(url, error);
  }
}

async function readRegular(url: URL, file: FileHandle, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  if (!(await file.stat()).isFile()) {
    throw new ProtocolError(
      "fetch/unsupported-uri",
      `${shownUrl(url)} is no regular file, only such are allowed: name a file`,
    );
  }
  const sink = createByteSink(maxBytes);
  for await (const chunk of file.createReadStream({ autoClose: false, signal })) {
    if (!sink.add(chunk)) throw tooLarge(url, maxBytes);
  }
  return sink.take();
}
