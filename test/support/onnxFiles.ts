import onnxProto from "onnx-proto";
import { keccak256 } from "viem";
import { type Manifest, parseManifest } from "../../src/protocol/manifest.ts";

const { onnx } = onnxProto;
const { DataType } = onnx.TensorProto;
const { AttributeType } = onnx.AttributeProto;

// Small ONNX files of any kind, written by a protobuf library that isn't the one the project reads them with.

export type Type = "float32" | "uint8" | "int8" | "int32" | "int64";

const TYPES: Record<Type, { code: number; bytes: (values: number[]) => ArrayBufferView<ArrayBuffer> }> = {
  float32: { code: DataType.FLOAT, bytes: (values) => Float32Array.from(values) },
  uint8: { code: DataType.UINT8, bytes: (values) => Uint8Array.from(values) },
  int8: { code: DataType.INT8, bytes: (values) => Int8Array.from(values) },
  int32: { code: DataType.INT32, bytes: (values) => Int32Array.from(values) },
  int64: { code: DataType.INT64, bytes: (values) => BigInt64Array.from(values, BigInt) },
};

export function value(name: string, type: Type, shape: number[]) {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: TYPES[type].code, shape: { dim } } } };
}

export function constant(name: string, type: Type, shape: number[], values: number[]) {
  const { buffer } = TYPES[type].bytes(values);
  return { name, dataType: TYPES[type].code, dims: shape, rawData: new Uint8Array(buffer) };
}

export function node(opType: string, input: string[], output: string[], integers: Record<string, number> = {}) {
  const attribute = Object.entries(integers).map(([name, i]) => ({ name, type: AttributeType.INT, i }));
  return { opType, input, output, attribute };
}

export type Graph = {
  node: object[];
  initializer?: object[];
  input: object[];
  output: object[];
};

export function onnxFile(graph: Graph, model: Record<string, unknown> = {}): Uint8Array {
  const parts = {
    irVersion: 8,
    opsetImport: [{ domain: "", version: 13 }],
    graph: { name: "test", ...graph },
    ...model,
  };
  return Uint8Array.from(onnx.ModelProto.encode(onnx.ModelProto.fromObject(parts)).finish());
}

/** [1,2] bytes times weights [2,2], the smallest graph that is served. */
export function productFile(weights: number[] = [1, 2, 3, 4]): Uint8Array {
  return onnxFile({
    node: [node("MatMulInteger", ["x", "w"], ["y"])],
    initializer: [constant("w", "int8", [2, 2], weights)],
    input: [value("x", "uint8", [1, 2])],
    output: [value("y", "int32", [1, 2])],
  });
}

/** A manifest that fits {@link productFile}, and by `changes` another or none. */
export function manifestFor(artefact: Uint8Array, changes: Record<string, unknown> = {}): Manifest {
  return parseManifest({
    name: "test",
    version: "1.0.0",
    format: "onnx",
    artefact: { hash: keccak256(artefact), sizeBytes: artefact.length, uris: ["model.onnx"] },
    inputs: [{ name: "x", dtype: "uint8", shape: [1, 2] }],
    outputs: [{ name: "y", dtype: "int32", shape: [1, 2] }],
    labels: [],
    determinism: {
      kind: "integer-only",
      backend: "onnxruntime",
      backendVersion: "1.30.0",
      graphOptimizationLevel: "disabled",
      weightBits: 7,
      activationBits: 8,
    },
    bitExact: true,
    maxResultBytes: 8,
    licence: { model: "MIT", data: "none" },
    accuracy: { metric: "none", accuracyPpm: 0, cases: 1, split: "none" },
    ...changes,
  });
}
