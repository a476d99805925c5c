import { ONNX_TYPE, type OnnxNode } from "./onnxGraph.ts";

/** A value in the graph: what is known about it before any run. */
export type Tensor = {
  dtype: "uint8" | "int8" | "int32";
  shape: readonly number[];
  /** No element is ever under `low` or over `high`. */
  low: number;
  high: number;
  /** The elements of a constant; undefined for what a run computes. */
  values: Int32Array | undefined;
};

export type Refusal = { reason: string };

/** Names of inputs about which nothing is known, because they were refused or not checked themselves. */
export type Unchecked = { dependsOn: readonly string[] };

/** What is known about a value, or why nothing is. */
export type Finding = Tensor | Refusal | Unchecked;

type Operand = Tensor | undefined;
type Rule = {
  inputs: number;
  attributes: readonly string[];
  apply(inputs: readonly Tensor[], attribute: (name: string) => number | undefined): Tensor | Refusal;
};

const INT32_LOW = -(2 ** 31);
const INT32_HIGH = 2 ** 31 - 1;
const WEIGHT_LIMIT = 63; // two products of a byte and 7 bits fit 16 bits: instructions that saturate there can't

/** The operations allowed, each with what must hold for its result to be one and the same everywhere. */
const RULES: Readonly<Record<string, Rule>> = {
  MatMulInteger: { inputs: 2, attributes: [], apply: ([a, b]) => multiply(a, b) },
  Add: { inputs: 2, attributes: [], apply: ([a, b]) => add(a, b) },
  Clip: { inputs: 3, attributes: [], apply: ([x, low, high]) => clip(x, low, high) },
  Div: { inputs: 2, attributes: [], apply: ([a, b]) => divide(a, b) },
  Cast: { inputs: 1, attributes: ["to"], apply: ([x], attribute) => cast(x, attribute("to")) },
};

/** Why the operation can't be allowed, whatever it is applied to; undefined when it can. */
export function refuseOperation(node: OnnxNode): string | undefined {
  const rule = node.domain === "" && Object.hasOwn(RULES, node.op) ? RULES[node.op] : undefined;
  if (rule === undefined) {
    const op = node.domain === "" ? node.op : `${node.domain}.${node.op}`;
    return `the operation ${op} isn't allowed, allowed are ${Object.keys(RULES).join(", ")}`;
  }
  if (node.inputs.length !== rule.inputs || node.outputs.length !== 1) {
    return `${node.op} has ${node.inputs.length} inputs and ${node.outputs.length} outputs, allowed are ${rule.inputs} and 1`;
  }
  const names = node.attributes.map(({ name }) => name);
  if (String(names) === String(rule.attributes)) return undefined;
  return `${node.op} has the attributes [${names}], allowed are [${rule.attributes}]`;
}

/**
 * What a node computes from what is known, or why it is refused or can't be checked.
 * @param known every value defined so far, by name
 */
export function applyRule(node: OnnxNode, known: ReadonlyMap<string, Finding>): Finding {
  const reason = refuseOperation(node);
  const rule = RULES[node.op];
  if (reason !== undefined || rule === undefined) return refuse(reason ?? `the operation ${node.op} isn't allowed`);
  const findings = node.inputs.map((name) => known.get(name));
  if (findings.includes(undefined))
    return refuse(`${node.op} takes ${node.inputs.join(", ")}, not all defined before it`);
  const inputs = findings.filter(isTensor);
  if (inputs.length < findings.length) return { dependsOn: node.inputs.filter((_, i) => !isTensor(findings[i])) };
  return rule.apply(inputs, (name) => node.attributes.find((attribute) => attribute.name === name)?.integer);
}

export function isTensor(finding: Finding | undefined): finding is Tensor {
  return finding !== undefined && "dtype" in finding;
}

export function isRefusal(finding: Finding): finding is Refusal {
  return "reason" in finding;
}

export function refuse(reason: string): Refusal {
  return { reason };
}

/** bytes [m, k] · constant 7-bit weights [k, n], summed in int32 */
function multiply(a: Operand, b: Operand): Tensor | Refusal {
  if (a?.dtype !== "uint8" || b?.dtype !== "int8" || b.values === undefined) {
    return refuse(`multiplies ${a?.dtype} by ${b?.dtype}, allowed is uint8 by constant int8`);
  }
  const [[m, k], [rows, n]] = [a.shape, b.shape];
  if (a.shape.length !== 2 || b.shape.length !== 2 || k !== rows || m === undefined || n === undefined) {
    return refuse(`multiplies [${a.shape}] by [${b.shape}], allowed is [m,k] by [k,n]`);
  }
  if (b.low < -WEIGHT_LIMIT || b.high > WEIGHT_LIMIT) {
    return refuse(`weights lie in ${b.low} … ${b.high}, allowed are 7 bits, −${WEIGHT_LIMIT} … ${WEIGHT_LIMIT}`);
  }
  return bounded([m, n], ...productRange(a, b.values, n));
}

type ColumnSums = { positive: Float64Array; negative: Float64Array };

/** Of constants, which many nodes may use. */
const columnSums = new WeakMap<Int32Array, ColumnSums>();

/** The least and the greatest sum any column can reach. */
function productRange(a: Tensor, weights: Int32Array, columns: number): [number, number] {
  const sums = columnSums.get(weights) ?? sumColumns(weights, columns);
  columnSums.set(weights, sums);
  let [least, greatest] = [Infinity, -Infinity];
  for (let column = 0; column < columns; column++) {
    const [positive, negative] = [sums.positive[column] as number, sums.negative[column] as number];
    least = Math.min(least, positive * a.low + negative * a.high);
    greatest = Math.max(greatest, positive * a.high + negative * a.low);
  }
  return [least, greatest];
}

function sumColumns(weights: Int32Array, columns: number): ColumnSums {
  const [positive, negative] = [new Float64Array(columns), new Float64Array(columns)];
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    const sums = weight > 0 ? positive : negative;
    sums[i % columns] = (sums[i % columns] as number) + weight;
  }
  return { positive, negative };
}

function add(a: Operand, b: Operand): Tensor | Refusal {
  if (a?.dtype !== "int32" || b?.dtype !== "int32") return refuse(`adds ${a?.dtype} and ${b?.dtype}, allowed is int32`);
  if (!broadcasts(b.shape, a.shape))
    return refuse(`adds [${b.shape}] to [${a.shape}], allowed is what broadcasts to the first`);
  return bounded(a.shape, a.low + b.low, a.high + b.high);
}

function clip(x: Operand, low: Operand, high: Operand): Tensor | Refusal {
  const [least, greatest] = [low?.values?.[0], high?.values?.[0]];
  const isScalar = (bound: Operand) => bound?.dtype === "int32" && bound.shape.length === 0;
  if (x?.dtype !== "int32" || !isScalar(low) || !isScalar(high) || least === undefined || greatest === undefined) {
    return refuse("clips something else than int32 between two constant int32 scalars");
  }
  if (least > greatest) return refuse(`clips between ${least} and ${greatest}, allowed is low before high`);
  const into = (value: number) => Math.min(Math.max(value, least), greatest);
  return bounded(x.shape, into(x.low), into(x.high));
}

/** Non-negative by positive: every way to round a quotient towards zero agrees. */
function divide(a: Operand, b: Operand): Tensor | Refusal {
  if (a?.dtype !== "int32" || b?.dtype !== "int32" || b.values === undefined) {
    return refuse(`divides ${a?.dtype} by ${b?.dtype}, allowed is int32 by constant int32`);
  }
  if (!broadcasts(b.shape, a.shape))
    return refuse(`divides [${a.shape}] by [${b.shape}], allowed is what broadcasts to the first`);
  if (b.low < 1) return refuse(`divides by ${b.low}, allowed is 1 or more`);
  if (a.low < 0) return refuse(`divides values down to ${a.low}, allowed is 0 or more: clip them first`);
  return bounded(a.shape, Math.floor(a.low / b.high), Math.floor(a.high / b.low));
}

function cast(x: Operand, to: number | undefined): Tensor | Refusal {
  if (x?.dtype !== "int32" || to !== ONNX_TYPE.uint8)
    return refuse(`casts ${x?.dtype} to ONNX type ${to}, allowed is int32 to uint8`);
  if (x.low < 0 || x.high > 255)
    return refuse(`casts ${x.low} … ${x.high} to a byte, allowed is 0 … 255: clip or divide first`);
  return { dtype: "uint8", shape: x.shape, low: x.low, high: x.high, values: undefined };
}

function bounded(shape: readonly number[], low: number, high: number): Tensor | Refusal {
  if (low < INT32_LOW || high > INT32_HIGH) return refuse(`can reach ${low} … ${high}, which overflows 32 bits`);
  return { dtype: "int32", shape, low, high, values: undefined };
}

/** Whether `from` stretches to exactly `to` by ONNX's rules, so that no result is larger than the first operand. */
function broadcasts(from: readonly number[], to: readonly number[]): boolean {
  const skipped = to.length - from.length;
  return skipped >= 0 && from.every((dimension, i) => dimension === 1 || dimension === to[skipped + i]);
}
