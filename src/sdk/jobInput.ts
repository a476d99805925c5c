import { type Hex, isHex, keccak256, size, stringToHex, toHex, zeroHash } from "viem";
import { MAX_INPUT_BYTES } from "../chain/escrow.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { checkByteLength } from "../protocol/tensor.ts";

/** The input's bytes, carried by the event, or where they are found. Either way everybody can read them. */
export type JobInput = Uint8Array | { uri: string /** keccak256 of the input bytes. */; inputHash: Hex };

/** What of the input goes into the job, and what travels beside it. */
export type EncodedInput = { inputHash: Hex; inputUriHash: Hex; data: Hex };

/**
 * @param manifest when given, inline bytes must be as many as its inputs take
 * @throws ProtocolError `tensor/wrong-shape` or `tensor/too-large` when they aren't, `sdk/input-too-large` over
 * {@link MAX_INPUT_BYTES}, `sdk/invalid-input-hash`, `sdk/empty-uri`
 */
export function encodeInput(input: JobInput, manifest?: Manifest): EncodedInput {
  if (!(input instanceof Uint8Array)) return encodeUri(input);
  if (manifest !== undefined) checkByteLength(manifest.inputs, input);
  checkSize(input.length, "input", "put it behind a URI");
  return { inputHash: keccak256(input), inputUriHash: zeroHash, data: toHex(input) };
}

function encodeUri({ uri, inputHash }: { uri: string; inputHash: Hex }): EncodedInput {
  if (!isHex(inputHash) || size(inputHash) !== 32) {
    throw new ProtocolError(
      "sdk/invalid-input-hash",
      `got inputHash ${String(inputHash).slice(0, 80)}, 32 bytes in hex are allowed: pass keccak256 of the input bytes`,
    );
  }
  if (uri === "") {
    throw new ProtocolError("sdk/empty-uri", "the input's URI is empty, nobody could fetch it: pass where it is");
  }
  const data = stringToHex(uri);
  checkSize(size(data), "URI", "use a shorter one");
  return { inputHash, inputUriHash: keccak256(data), data };
}

function checkSize(bytes: number, what: string, advice: string): void {
  if (bytes <= MAX_INPUT_BYTES) return;
  throw new ProtocolError(
    "sdk/input-too-large",
    `the ${what} takes ${bytes} bytes, at most ${MAX_INPUT_BYTES} are allowed in a job: ${advice}`,
  );
}
