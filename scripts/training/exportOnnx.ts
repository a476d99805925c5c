import onnxProto from "onnx-proto";
import type { TensorSpec } from "../../src/protocol/tensor.ts";
import { ACTIVATION_LIMIT, type IntegerLayer, type IntegerNetwork } from "./quantise.ts";

const { onnx } = onnxProto;
const { DataType } = onnx.TensorProto;

const IR_VERSION = 8;
const OPSET = 13;
const ONNX_TYPES = { uint8: DataType.UINT8, int8: DataType.INT8, int32: DataType.INT32 } as const;

type Constant = { name: string; shape: number[]; values: Int8Array | Int32Array };

/**
 * Writes an integer network as an ONNX file, with integers only between input and output. The same network gives the
 * same bytes.
 * @param input one uint8 tensor [1, inputs]
 * @param output one int32 tensor [1, classes]
 */
export function exportOnnx(name: string, network: IntegerNetwork, input: TensorSpec, output: TensorSpec): Uint8Array {
  const { hidden, divisor } = network;
  const ceiling = (ACTIVATION_LIMIT + 1) * divisor - 1; // the greatest that still divides to 255
  const graph = new onnx.GraphProto({
    name,
    node: [
      node("MatMulInteger", [input.name, "hidden_weights"], "hidden_products"),
      node("Add", ["hidden_products", "hidden_bias"], "hidden_sums"),
      node("Clip", ["hidden_sums", "floor", "ceiling"], "hidden_clipped"),
      node("Div", ["hidden_clipped", "divisor"], "hidden_scaled"),
      node("Cast", ["hidden_scaled"], "hidden", [{ name: "to", type: INTEGER, i: DataType.UINT8 }]),
      node("MatMulInteger", ["hidden", "output_weights"], "output_products"),
      node("Add", ["output_products", "output_bias"], output.name),
    ],
    initializer: [
      ...layerConstants("hidden", hidden),
      scalar("floor", 0),
      scalar("ceiling", ceiling),
      scalar("divisor", divisor),
      ...layerConstants("output", network.output),
    ].map(encodeConstant),
    input: [encodeSpec(input)],
    output: [encodeSpec(output)],
  });
  const model = { irVersion: IR_VERSION, opsetImport: [{ domain: "", version: OPSET }], graph };
  return Uint8Array.from(onnx.ModelProto.encode(model).finish());
}

const INTEGER = onnx.AttributeProto.AttributeType.INT;

function node(
  opType: string,
  input: string[],
  output: string,
  attribute: { name: string; type: number; i: number }[] = [],
) {
  return { name: output, opType, input, output: [output], attribute };
}

function scalar(name: string, value: number): Constant {
  return { name, shape: [], values: Int32Array.of(value) };
}

function layerConstants(name: string, layer: IntegerLayer): Constant[] {
  return [
    { name: `${name}_weights`, shape: [layer.inputs, layer.outputs], values: layer.weights },
    { name: `${name}_bias`, shape: [layer.outputs], values: layer.bias },
  ];
}

function encodeConstant({ name, shape, values }: Constant) {
  const bytes = new Uint8Array(values.byteLength);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (values instanceof Int8Array) view.setInt8(i, value);
    else view.setInt32(i * 4, value, true);
  });
  return { name, dims: shape, dataType: values instanceof Int8Array ? DataType.INT8 : DataType.INT32, rawData: bytes };
}

function encodeSpec({ name, dtype, shape }: TensorSpec) {
  if (dtype === "float32") throw new Error(`tensor ${name} is float32, only integers are exported`);
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: ONNX_TYPES[dtype], shape: { dim } } } };
}
