import { InferenceSession, Tensor } from "onnxruntime-node";
import { constant, node, onnxFile, value } from "../../test/support/onnxFiles.ts";

// Two models no node would serve, because their results depend on the processor. They tell which instructions
// onnxruntime really uses, and that a comparison of bytes between processors can fail.

export type Controls = {
  /** A product of floats is added to a sum before it is rounded (FMA). */
  fusesFloats: boolean;
  /** Two products of bytes are added in 16 bits, where they saturate (AVX2 without VNNI). */
  saturatesBytes: boolean;
};

export async function runControls(): Promise<Controls> {
  return { fusesFloats: await fusesFloats(), saturatesBytes: await saturatesBytes() };
}

/** x² is 1 + 2⁻¹¹ + 2⁻²⁴; rounded it loses the last term, which is all that is left once the others are taken away. */
async function fusesFloats(): Promise<boolean> {
  const [x, taken] = [1 + 2 ** -12, 1 + 2 ** -11];
  const file = onnxFile({
    node: [node("MatMul", ["x", "w"], ["y"])],
    initializer: [constant("w", "float32", [2, 1], [-taken, x])],
    input: [value("x", "float32", [1, 2])],
    output: [value("y", "float32", [1, 1])],
  });
  return oneOf([0, 2 ** -24], await run(file, new Tensor("float32", Float32Array.of(1, x), [1, 2]))) === 2 ** -24;
}

/** Two weights of 8 bits, where served models have 7: their products of bytes don't fit 16 bits together. */
async function saturatesBytes(): Promise<boolean> {
  const file = onnxFile({
    node: [node("MatMulInteger", ["x", "w"], ["y"])],
    initializer: [constant("w", "int8", [2, 1], [127, 127])],
    input: [value("x", "uint8", [1, 2])],
    output: [value("y", "int32", [1, 1])],
  });
  const [exact, saturated] = [2 * 255 * 127, 2 ** 15 - 1];
  const sum = await run(file, new Tensor("uint8", Uint8Array.of(255, 255), [1, 2]));
  return oneOf([exact, saturated], sum) === saturated;
}

async function run(file: Uint8Array, x: Tensor): Promise<number> {
  const session = await InferenceSession.create(file, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
  });
  const { y } = await session.run({ x });
  await session.release();
  return Number(y?.data[0]);
}

function oneOf(allowed: readonly number[], result: number): number {
  if (allowed.includes(result)) return result;
  throw new Error(`a control gave ${result}, known are ${allowed.join(" and ")}: look at how it is computed now`);
}
