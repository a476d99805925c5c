import { ProtocolError } from "../protocol/errors.ts";
import { MAX_DIMENSIONS } from "../protocol/manifest.ts";
import { elementCount } from "../protocol/tensor.ts";
import { applyRule, type Finding, isRefusal, isTensor, type Refusal, refuse, type Tensor } from "./integerRules.ts";
import {
  decodeOnnx,
  ONNX_TYPE,
  type OnnxConstant,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
} from "./onnxGraph.ts";

export type IntegerOnlyCheck = {
  ok: boolean;
  /** Why not, one line each; a reason many nodes share stands once. Empty when ok. */
  reasons: string[];
};

const OPSETS = { least: 13, greatest: 21 } as const;
const MAX_NODES = 10_000;
const MAX_WEIGHT_BYTES = 2 ** 29; // of all nodes together: some seconds of work, however often one constant is used
const MAX_ELEMENTS = 2 ** 28; // computed by all nodes together: a second of work, and 1 GiB
const MAX_PRODUCTS = MAX_WEIGHT_BYTES; // every model has one row, so it makes one of each byte of its weights
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

/** A node in the order of the file, and what is found of its first output. */
export type Step = { node: OnnxNode; finding: Finding };

export type ModelWalk = {
  ok: boolean;
  /** What is wrong with the file, its inputs, constants or outputs, one line each. */
  reasons: string[];
  /** None when the file can't be read or is over a limit. */
  steps: Step[];
};

/**
 * Whether an ONNX file computes in integers alone, in a way that gives the same bytes on every processor: only known
 * operations, fixed shapes, weights of −63 … 63, and, from the ranges of all values, no overflow, no division by zero and
 * no cast that loses anything. Everything not known to be so is refused.
 */
export function checkIntegerOnly(artefact: Uint8Array): IntegerOnlyCheck {
  const { ok, reasons, steps } = walkModel(artefact);
  const refused = new Map<string, string>();
  for (const { node, finding } of steps) {
    if (!isRefusal(finding) || refused.has(finding.reason)) continue;
    refused.set(finding.reason, `node ${node.op} "${node.outputs.join(", ")}": ${finding.reason}`);
  }
  return { ok, reasons: [...reasons, ...refused.values()] };
}

/** Follows all values through the file, past what is refused, so that one look tells all. */
export function walkModel(artefact: Uint8Array): ModelWalk {
  try {
    return walkGraph(decodeOnnx(artefact));
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "model/malformed")
      return { ok: false, reasons: [error.message], steps: [] };
    throw error;
  }
}

function walkGraph(graph: OnnxGraph): ModelWalk {
  const limits = checkLimits(graph);
  if (limits.length > 0) return { ok: false, reasons: limits, steps: [] };

  const known = new Map<string, Finding>();
  const define = (name: string, finding: Finding): Finding => {
    const isTaken = (name === "" || known.has(name)) && !isRefusal(finding);
    const defined = isTaken ? refuse(`the name "${name}" is empty or given twice`) : finding;
    known.set(name, defined);
    return defined;
  };
  const given = [
    ...graph.inputs.map((input) => define(input.name, readInput(input))),
    ...graph.constants.map((constant) => define(constant.name, readConstant(constant))),
  ];
  const steps = graph.nodes.map((node) => {
    const finding = applyRule(node, known);
    const [first] = node.outputs.map((name) => define(name, finding));
    return { node, finding: first ?? finding };
  });
  const refused = given.filter(isRefusal).map(({ reason }) => reason);
  const outputs = graph.outputs.flatMap((output) => checkOutput(output, known));
  const reasons = [...checkHeader(graph), ...refused, ...outputs, ...checkWork(graph, steps)];
  return { ok: reasons.length === 0 && steps.every(({ finding }) => isTensor(finding)), reasons, steps };
}

/** Beyond these the walk would take too long to answer. */
function checkLimits(graph: OnnxGraph): string[] {
  const { nodes } = graph;
  if (nodes.length > MAX_NODES) return [`${nodes.length} nodes, allowed are ${MAX_NODES}`];
  const weightsOf = weightBytes(graph);
  const weights = nodes.reduce((sum, node) => sum + weightsOf(node), 0);
  return weights > MAX_WEIGHT_BYTES
    ? [`the nodes use ${weights} bytes of weights in all, allowed are ${MAX_WEIGHT_BYTES}`]
    : [];
}

/** A small file can ask for any amount of work: many nodes over one large tensor, and many rows times the same weights. */
function checkWork(graph: OnnxGraph, steps: readonly Step[]): string[] {
  const weightsOf = weightBytes(graph);
  const computed = steps.flatMap(({ node, finding }) => (isTensor(finding) ? [{ node, shape: finding.shape }] : []));
  const elements = computed.reduce((sum, { shape }) => sum + elementCount({ shape }), 0);
  const products = computed
    .filter(({ node }) => node.op === "MatMulInteger")
    .reduce((sum, { node, shape: [rows = 1] }) => sum + rows * weightsOf(node), 0);
  return [
    ...(elements > MAX_ELEMENTS ? [`a run computes ${elements} elements in all, allowed are ${MAX_ELEMENTS}`] : []),
    ...(products > MAX_PRODUCTS ? [`a run adds up ${products} products in all, allowed are ${MAX_PRODUCTS}`] : []),
  ];
}

/** How many bytes the constant has that is a node's second operand. */
function weightBytes({ constants }: OnnxGraph): (node: OnnxNode) => number {
  const sizes = new Map(constants.map(({ name, bytes }) => [name, bytes?.length ?? 0]));
  return ({ inputs }) => sizes.get(inputs[1] ?? "") ?? 0;
}

function checkHeader(graph: OnnxGraph): string[] {
  const reasons = graph.opsets
    .filter(({ domain, version }) => domain !== "" || version < OPSETS.least || version > OPSETS.greatest)
    .map(
      ({ domain, version }) =>
        `opset ${domain || "onnx"} ${version}, allowed is onnx ${OPSETS.least} to ${OPSETS.greatest}`,
    );
  if (graph.opsets.length !== 1) reasons.push(`${graph.opsets.length} opsets are imported, allowed is one`);
  if (graph.inputs.length === 0 || graph.outputs.length === 0) reasons.push("the graph has no input or no output");
  return reasons;
}

function readInput({ name, type, shape }: OnnxValue): Tensor | Refusal {
  const dtype = DTYPES.get(type);
  if (dtype === undefined) return refuse(`input "${name}" has ONNX type ${type}, allowed are uint8, int8 and int32`);
  if (!isFixed(shape))
    return refuse(`input "${name}" has an open shape, allowed are 1 to ${MAX_DIMENSIONS} fixed dimensions`);
  const [low, high] = RANGES[dtype];
  return { dtype, shape, low, high, values: undefined };
}

function readConstant({ name, type, shape, bytes }: OnnxConstant): Tensor | Refusal {
  const dtype = DTYPES.get(type);
  if (dtype === undefined) return refuse(`constant "${name}" has ONNX type ${type}, allowed are uint8, int8 and int32`);
  if (bytes === undefined) return refuse(`constant "${name}" isn't stored as raw_data, the only way that is read`);
  if (shape.length > MAX_DIMENSIONS)
    return refuse(`constant "${name}" has ${shape.length} dimensions, allowed are ${MAX_DIMENSIONS}`);
  const { bytes: width, read } = READERS[dtype];
  const count = elementCount({ shape });
  if (shape.some((dimension) => dimension < 1) || count * width !== bytes.length) {
    return refuse(
      `constant "${name}" of shape [${shape}] has ${bytes.length} bytes, allowed are dimensions from 1 and all their bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Int32Array.from({ length: count }, (_, i) => read(view, i * width));
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  return { dtype, shape, low, high, values };
}

function checkOutput({ name, type, shape }: OnnxValue, known: ReadonlyMap<string, Finding>): string[] {
  const tensor = known.get(name);
  if (tensor === undefined) return [`output "${name}" is computed by no node`];
  if (!isTensor(tensor)) return []; // why is said where it was refused
  if (DTYPES.get(type) === tensor.dtype && isFixed(shape) && String(shape) === String(tensor.shape)) return [];
  return [`output "${name}" is declared as type ${type} [${shape}], it comes out as ${tensor.dtype} [${tensor.shape}]`];
}

function isFixed(shape: readonly (number | undefined)[]): shape is readonly number[] {
  return (
    shape.length > 0 &&
    shape.length <= MAX_DIMENSIONS &&
    shape.every((dimension) => dimension !== undefined && dimension >= 1)
  );
}
