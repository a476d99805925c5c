import { type Hex, hexToBytes, hexToString, keccak256 } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import { unpackTerms } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { byteLengthOf } from "../protocol/tensor.ts";
import type { NodeContext } from "./task.ts";

/**
 * Stop 5: gets the input, checks it against the job, runs the model.
 * @throws ProtocolError `input/hash-mismatch`, `model/not-served`, `model/result-too-large`, what `fetchUri` throws, and
 * what the backend refuses
 */
export async function infer(context: NodeContext, { job, input }: JobOpened): Promise<Uint8Array> {
  const { models, fetchUri, turns, signal } = context;
  const model = await models.open(job.modelId);
  if (!model) throw new ProtocolError("model/not-served", `model ${job.modelId} isn't served here: add it to the node`);
  const run = async (bytes: Uint8Array): Promise<Uint8Array> => {
    checkInput(bytes, job.inputHash);
    return turns.running.run(() => model.run(bytes), signal);
  };
  // Slow servers hold up each other's jobs, not those whose input is inline; and few fetched inputs wait in memory.
  const isInline = BigInt(job.inputUriHash) === 0n;
  const maxBytes = byteLengthOf(model.manifest.inputs);
  const result = isInline
    ? await run(hexToBytes(input))
    : await turns.fetching.run(async () => run(await fetchUri(hexToString(input), { maxBytes, signal })), signal);
  const { maxResultBytes } = unpackTerms(job.verifierData);
  if (result.length > maxResultBytes) {
    throw new ProtocolError(
      "model/result-too-large",
      `got a result of ${result.length} bytes, at most ${maxResultBytes} are allowed: don't serve this model`,
    );
  }
  return result;
}

function checkInput(bytes: Uint8Array, wanted: Hex): void {
  const inputHash = keccak256(bytes);
  if (inputHash === wanted) return;
  throw new ProtocolError(
    "input/hash-mismatch",
    `got an input that hashes to ${inputHash}, the job is over ${wanted}: its payer must serve the input it signed`,
  );
}
