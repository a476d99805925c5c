import { keccak256 } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { describeSpecs, type TensorSpec } from "../protocol/tensor.ts";
import { checkIntegerOnly } from "./integerOnly.ts";
import { decodeOnnx, ONNX_TYPE, type OnnxValue } from "./onnxGraph.ts";

const MAX_REASONS = 3;
const MAX_REASON_LENGTH = 200;

/**
 * Checks everything the manifest promises about the file, without running any of it.
 * @throws ProtocolError `model/hash-mismatch`, `model/malformed`, `model/not-integer-only`, `model/tensor-mismatch`
 */
export function checkArtefact(artefact: Uint8Array, manifest: Manifest): void {
  checkContent(artefact, manifest);
  const graph = decodeOnnx(artefact);
  const { ok, reasons } = checkIntegerOnly(artefact);
  if (!ok) {
    throw new ProtocolError(
      "model/not-integer-only",
      `model ${manifest.name} isn't integer-only (${summarise(reasons)}), only such models are served: export it in integers`,
    );
  }
  checkTensors("inputs", manifest.inputs, graph.inputs);
  checkTensors("outputs", manifest.outputs, graph.outputs);
}

/** The file's author chose how many they are and how long. */
function summarise(reasons: readonly string[]): string {
  const first = reasons.slice(0, MAX_REASONS).map((reason) => reason.slice(0, MAX_REASON_LENGTH));
  const others = reasons.length - first.length;
  return others > 0 ? `${first.join("; ")}; and ${others} more` : first.join("; ");
}

function checkContent(artefact: Uint8Array, { name, artefact: wanted }: Manifest): void {
  if (artefact.length !== wanted.sizeBytes) {
    throw new ProtocolError(
      "model/hash-mismatch",
      `artefact of ${name} has ${artefact.length} bytes, the manifest names ${wanted.sizeBytes}: fetch it again`,
    );
  }
  const hash = keccak256(artefact);
  if (hash !== wanted.hash) {
    throw new ProtocolError(
      "model/hash-mismatch",
      `artefact of ${name} hashes to ${hash}, the manifest names ${wanted.hash}: fetch it again`,
    );
  }
}

function checkTensors(what: string, specs: readonly TensorSpec[], values: readonly OnnxValue[]): void {
  const agrees = specs.length === values.length && specs.every((spec, i) => agree(spec, values[i] as OnnxValue));
  if (agrees) return;
  const found = values.map(({ name, type, shape }) => `${name} type ${type} [${shape.join(",")}]`).join(", ");
  throw new ProtocolError(
    "model/tensor-mismatch",
    `the graph's ${what} are ${found}, the manifest's ${describeSpecs(specs)}: correct the manifest`,
  );
}

function agree(spec: TensorSpec, value: OnnxValue): boolean {
  return spec.name === value.name && ONNX_TYPE[spec.dtype] === value.type && String(spec.shape) === String(value.shape);
}
