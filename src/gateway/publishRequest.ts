import { ProtocolError } from "../protocol/errors.ts";
import { oneLine } from "../protocol/oneLine.ts";

export type PublishRequest = {
  url: string;
  method: "PUT" | "POST";
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer> | FormData;
  timeoutMs: number;
};

/** Of an answer, at most; what is longer is no answer to an upload. */
const MAX_ANSWER_BYTES = 65_536;
const SHOWN_CHARACTERS = 200;

/**
 * Sends data to a server that keeps it.
 * @returns its answer
 * @throws ProtocolError `publish/unreachable` (no answer in time, or a broken one), `publish/refused`
 */
export async function sendData({ url, method, headers, body, timeoutMs }: PublishRequest): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  const { status, ok, text } = await fetch(url, { method, headers, body, signal, redirect: "manual" })
    .then(async (response) => ({ status: response.status, ok: response.ok, text: await bounded(response) }))
    .catch((cause: unknown) => {
      throw unreachable(url, timeoutMs, cause);
    });
  if (ok) return text;
  throw new ProtocolError(
    "publish/refused",
    `${new URL(url).host} answered ${status} to the batch's data (${oneLine(text).slice(0, SHOWN_CHARACTERS)}): check its address and key`,
    { isRetryable: status >= 500 || status === 429 },
  );
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unreachable(url: string, timeoutMs: number, cause: unknown): ProtocolError {
  const isLate = cause instanceof Error && cause.name === "TimeoutError";
  const got = isLate ? `didn't answer within ${timeoutMs} ms` : "can't be reached, or broke off";
  return new ProtocolError("publish/unreachable", `${new URL(url).host} ${got}: see that it runs`, {
    isRetryable: true,
    cause,
  });
}
