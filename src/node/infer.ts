import { hexToBytes, hexToString, keccak256 } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import { unpackTerms } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { NodeContext } from "./task.ts";

const FETCH_TIMEOUT_MS = 5_000;
const MAX_INPUT_BYTES = 16 * 1024 * 1024;

/**
 * Stop 5: gets the input, checks it against the job, runs the model.
 * @throws ProtocolError `input/unreachable`, `input/too-large`, `input/hash-mismatch`, `model/result-too-large`, and
 * what the backend refuses
 */
export async function infer({ models }: NodeContext, { job, input }: JobOpened): Promise<Uint8Array> {
  const isInline = BigInt(job.inputUriHash) === 0n;
  const bytes = isInline ? hexToBytes(input) : await fetchInput(hexToString(input));
  const inputHash = keccak256(bytes);
  if (inputHash !== job.inputHash) {
    throw new ProtocolError(
      "input/hash-mismatch",
      `got an input that hashes to ${inputHash}, the job is over ${job.inputHash}: its payer must serve the input it signed`,
    );
  }
  const model = models.find(job.modelId);
  if (!model) throw new ProtocolError("model/not-served", `model ${job.modelId} isn't served here: add it to the node`);
  const result = await model.run(bytes);
  const { maxResultBytes } = unpackTerms(job.verifierData);
  if (result.length > maxResultBytes) {
    throw new ProtocolError(
      "model/result-too-large",
      `got a result of ${result.length} bytes, at most ${maxResultBytes} are allowed: don't serve this model`,
    );
  }
  return result;
}

async function fetchInput(uri: string): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  try {
    const response = await fetch(uri, { signal, redirect: "error" });
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    return await readBounded(response.body, uri);
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    const why = error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : String(error);
    throw new ProtocolError(
      "input/unreachable",
      `got no input from ${uri} (${why}), one answer within ${FETCH_TIMEOUT_MS} ms is wanted: its payer must serve it`,
      { isRetryable: true, cause: error },
    );
  }
}

async function readBounded(body: AsyncIterable<Uint8Array>, uri: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_INPUT_BYTES) {
      throw new ProtocolError(
        "input/too-large",
        `got more than ${MAX_INPUT_BYTES} bytes from ${uri}, that many are allowed: use a smaller input`,
      );
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
