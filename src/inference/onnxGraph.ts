import {
  listBytes,
  listIntegers,
  listText,
  malformed,
  oneBytes,
  oneInteger,
  oneText,
  readMessage,
} from "./protobuf.ts";

/** What of an ONNX file matters for running it, as plain data. Field numbers are those of `onnx.proto`. */
export type OnnxGraph = {
  opsets: readonly Opset[];
  nodes: readonly OnnxNode[];
  constants: readonly OnnxConstant[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
};

/** An empty domain is ONNX's own. */
export type Opset = { domain: string; version: number };

export type OnnxNode = {
  op: string;
  domain: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: readonly OnnxAttribute[];
};

/** `integer` is undefined when the attribute holds anything else. */
export type OnnxAttribute = { name: string; integer: number | undefined };

/** `bytes` (little-endian) is undefined when the values are stored in another way than `raw_data`. */
export type OnnxConstant = { name: string; type: number; shape: readonly number[]; bytes: Uint8Array | undefined };

/** A dimension is undefined when the file leaves it open. */
export type OnnxValue = { name: string; type: number; shape: readonly (number | undefined)[] };

/** `TensorProto.DataType` */
export const ONNX_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6 } as const;

const INTEGER_ATTRIBUTE = 2;

/**
 * Decodes an ONNX file. Parts that could change what runs (functions, training info, sparse or external data) are
 * refused by not being known here.
 * @throws ProtocolError `model/malformed`
 */
export function decodeOnnx(file: Uint8Array): OnnxGraph {
  const model = readMessage("the model", file, [1, 2, 3, 4, 5, 6, 7, 8, 14]);
  const graphBytes = oneBytes(model, 7);
  if (graphBytes === undefined) throw malformed("the model", "has no graph: it is no ONNX file, or a damaged one");
  const graph = readMessage("the graph", graphBytes, [1, 2, 5, 10, 11, 12, 13]);
  return {
    opsets: listBytes(model, 8).map(decodeOpset),
    nodes: listBytes(graph, 1).map(decodeNode),
    constants: listBytes(graph, 5).map(decodeConstant),
    inputs: listBytes(graph, 11).map(decodeValue),
    outputs: listBytes(graph, 12).map(decodeValue),
  };
}

function decodeOpset(bytes: Uint8Array): Opset {
  const opset = readMessage("an opset", bytes, [1, 2]);
  return { domain: oneText(opset, 1), version: oneInteger(opset, 2) ?? 0 };
}

function decodeNode(bytes: Uint8Array): OnnxNode {
  const node = readMessage("a node", bytes, [1, 2, 3, 4, 5, 6, 7]);
  return {
    op: oneText(node, 4),
    domain: oneText(node, 7),
    inputs: listText(node, 1),
    outputs: listText(node, 2),
    attributes: listBytes(node, 5).map(decodeAttribute),
  };
}

function decodeAttribute(bytes: Uint8Array): OnnxAttribute {
  const attribute = readMessage("an attribute", bytes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 20, 21, 22, 23]);
  const isInteger =
    oneInteger(attribute, 20) === INTEGER_ATTRIBUTE && [...attribute.fields.keys()].every(isIntegerField);
  return { name: oneText(attribute, 1), integer: isInteger ? (oneInteger(attribute, 3) ?? 0) : undefined };
}

/** name, i, doc_string, type */
function isIntegerField(number: number): boolean {
  return number === 1 || number === 3 || number === 13 || number === 20;
}

function decodeConstant(bytes: Uint8Array): OnnxConstant {
  const tensor = readMessage("a constant", bytes, [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const raw = oneBytes(tensor, 9);
  const isRawOnly = [4, 5, 6, 7, 10, 11].every((number) => !tensor.fields.has(number));
  return {
    name: oneText(tensor, 8),
    type: oneInteger(tensor, 2) ?? 0,
    shape: listIntegers(tensor, 1),
    bytes: isRawOnly ? raw : undefined,
  };
}

function decodeValue(bytes: Uint8Array): OnnxValue {
  const value = readMessage("an input or output", bytes, [1, 2, 3]);
  const type = readMessage("a type", oneBytes(value, 2) ?? new Uint8Array(), [1, 6]);
  const tensor = readMessage("a tensor type", oneBytes(type, 1) ?? new Uint8Array(), [1, 2]);
  const shape = readMessage("a shape", oneBytes(tensor, 2) ?? new Uint8Array(), [1]);
  const dimensions = listBytes(shape, 1).map((dimension) =>
    oneInteger(readMessage("a dimension", dimension, [1, 2, 3]), 1),
  );
  return { name: oneText(value, 1), type: oneInteger(tensor, 1) ?? 0, shape: dimensions };
}
