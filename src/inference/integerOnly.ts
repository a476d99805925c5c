import { ProtocolError } from "../protocol/errors.ts";
import { applyRule, isRefusal, refuseOperation, type Tensor } from "./integerRules.ts";
import { decodeOnnx, ONNX_TYPE, type OnnxConstant, type OnnxGraph, type OnnxValue } from "./onnxGraph.ts";

export type IntegerOnlyCheck = {
  ok: boolean;
  /** Why not, one line each; empty when ok. */
  reasons: string[];
};

const OPSETS = { least: 13, greatest: 21 } as const;
const MAX_NODES = 10_000;
const DTYPES = new Map<number, "uint8" | "int8" | "int32">([
  [ONNX_TYPE.uint8, "uint8"],
  [ONNX_TYPE.int8, "int8"],
  [ONNX_TYPE.int32, "int32"],
]);
const RANGES = { uint8: [0, 255], int8: [-128, 127], int32: [-(2 ** 31), 2 ** 31 - 1] } as const;
const READERS = {
  uint8: { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) },
  int8: { bytes: 1, read: (view: DataView, at: number) => view.getInt8(at) },
  int32: { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) },
} as const;

/**
 * Whether an ONNX file computes in integers alone, in a way that gives the same bytes on every processor: only known
 * operations, fixed shapes, weights of −63 … 63, and, from the ranges of all values, no overflow, no division by zero and
 * no cast that loses anything. Everything not known to be so is refused.
 */
export function checkIntegerOnly(artefact: Uint8Array): IntegerOnlyCheck {
  try {
    const reasons = checkGraph(decodeOnnx(artefact));
    return { ok: reasons.length === 0, reasons };
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "model/malformed")
      return { ok: false, reasons: [error.message] };
    throw error;
  }
}

function checkGraph(graph: OnnxGraph): string[] {
  const reasons: string[] = [];
  const known = new Map<string, Tensor>();
  const define = (name: string, tensor: Tensor | string) => {
    if (typeof tensor === "string") reasons.push(tensor);
    else if (name === "" || known.has(name)) reasons.push(`the name "${name}" is empty or given twice`);
    else known.set(name, tensor);
  };

  reasons.push(...checkHeader(graph));
  for (const input of graph.inputs) define(input.name, readInput(input));
  for (const constant of graph.constants) define(constant.name, readConstant(constant));
  if (reasons.length > 0) return [...reasons, ...refusedOperations(graph)];

  for (const node of graph.nodes) {
    const result = applyRule(node, known);
    if (isRefusal(result)) return [`node ${node.op} "${node.outputs.join(", ")}": ${result.reason}`];
    define(node.outputs[0] ?? "", result);
  }
  for (const output of graph.outputs) reasons.push(...checkOutput(output, known));
  return reasons;
}

function checkHeader(graph: OnnxGraph): string[] {
  const reasons = graph.opsets
    .filter(({ domain, version }) => domain !== "" || version < OPSETS.least || version > OPSETS.greatest)
    .map(
      ({ domain, version }) =>
        `opset ${domain || "onnx"} ${version}, allowed is onnx ${OPSETS.least} to ${OPSETS.greatest}`,
    );
  if (graph.opsets.length !== 1) reasons.push(`${graph.opsets.length} opsets are imported, allowed is one`);
  if (graph.nodes.length > MAX_NODES) reasons.push(`${graph.nodes.length} nodes, allowed are ${MAX_NODES}`);
  if (graph.inputs.length === 0 || graph.outputs.length === 0) reasons.push("the graph has no input or no output");
  return reasons;
}

/** Named together with values that are refused, so that one look tells all. */
function refusedOperations(graph: OnnxGraph): string[] {
  return [...new Set(graph.nodes.map(refuseOperation).filter((reason) => reason !== undefined))];
}

function readInput({ name, type, shape }: OnnxValue): Tensor | string {
  const dtype = DTYPES.get(type);
  if (dtype === undefined) return `input "${name}" has ONNX type ${type}, allowed are uint8, int8 and int32`;
  if (!isFixed(shape)) return `input "${name}" has an open dimension, allowed are fixed shapes`;
  const [low, high] = RANGES[dtype];
  return { dtype, shape, low, high, values: undefined };
}

function readConstant({ name, type, shape, bytes }: OnnxConstant): Tensor | string {
  const dtype = DTYPES.get(type);
  if (dtype === undefined) return `constant "${name}" has ONNX type ${type}, allowed are uint8, int8 and int32`;
  if (bytes === undefined) return `constant "${name}" isn't stored as raw_data, the only way that is read`;
  const { bytes: width, read } = READERS[dtype];
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  if (shape.some((dimension) => dimension < 1) || count * width !== bytes.length) {
    return `constant "${name}" of shape [${shape}] has ${bytes.length} bytes, allowed are dimensions from 1 and all their bytes`;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Int32Array.from({ length: count }, (_, i) => read(view, i * width));
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  return { dtype, shape, low, high, values };
}

function checkOutput({ name, type, shape }: OnnxValue, known: ReadonlyMap<string, Tensor>): string[] {
  const tensor = known.get(name);
  if (tensor === undefined) return [`output "${name}" is computed by no node`];
  if (DTYPES.get(type) === tensor.dtype && isFixed(shape) && String(shape) === String(tensor.shape)) return [];
  return [`output "${name}" is declared as type ${type} [${shape}], it comes out as ${tensor.dtype} [${tensor.shape}]`];
}

function isFixed(shape: readonly (number | undefined)[]): shape is readonly number[] {
  return shape.length > 0 && shape.every((dimension) => dimension !== undefined && dimension >= 1);
}
