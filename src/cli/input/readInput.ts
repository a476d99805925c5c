import { createReadStream } from "node:fs";
import { extname } from "node:path";
import type { Readable } from "node:stream";
import { ProtocolError } from "../../protocol/errors.ts";
import type { FileFormat } from "./encodeFile.ts";

/** More than any picture or tensor that a job can be about. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

const FORMATS: Readonly<Record<string, FileFormat>> = {
  ".png": "png",
  ".csv": "csv",
  ".tsv": "csv",
  ".json": "json",
  ".bin": "raw",
  ".raw": "raw",
};

export type ReadFile = { content: Uint8Array; format: FileFormat };

/**
 * A file, or standard input for `-`.
 * @param format by the file's name unless told
 * @throws ProtocolError `usage/unknown-format`, `input/unreadable`, `input/too-large`
 */
export async function readInput(path: string, stdin: Readable, format?: FileFormat): Promise<ReadFile> {
  const known = format ?? FORMATS[extname(path).toLowerCase()];
  if (known === undefined) {
    const got = path === "-" ? "standard input" : JSON.stringify(path.slice(-80));
    throw new ProtocolError(
      "usage/unknown-format",
      `got ${got}, taken are PNG, CSV, JSON and raw tensors (.bin): save pictures as PNG, or say what it is with --format`,
    );
  }
  return { content: path === "-" ? await readAll(stdin, path) : await readFile(path), format: known };
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    return await readAll(createReadStream(path), path);
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    const why = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new ProtocolError("input/unreadable", `${path} can't be read (${why}): name a file that can`, {
      cause: error,
    });
  }
}

async function readAll(stream: Readable, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_FILE_BYTES) {
      throw new ProtocolError(
        "input/too-large",
        `${name} has more than ${MAX_FILE_BYTES} bytes, that many are allowed: use a smaller one`,
      );
    }
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}
