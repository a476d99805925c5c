import { ProtocolError } from "./errors.ts";

export type DType = "uint8" | "int8" | "int32" | "float32";

export type TensorSpec = {
  name: string;
  dtype: DType;
  /** Fixed; the first dimension is the batch, always 1. */
  shape: readonly number[];
};

export type TensorValues = readonly number[] | Uint8Array | Int8Array | Int32Array | Float32Array;
export type TypedArray = Uint8Array | Int8Array | Int32Array | Float32Array;

/** What one tensor, and one input or result as a whole, may weigh. Larger things belong behind a URI, not in a job. */
export const MAX_TENSOR_BYTES = 16 * 1024 * 1024;

type DTypeRule = {
  bytes: number;
  /** Least and greatest value. */
  range: readonly [number, number];
  write(view: DataView, at: number, value: number): void;
  read(view: DataView, at: number): number;
  allocate(length: number): TypedArray;
};

const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

const RULES: Record<DType, DTypeRule> = {
  uint8: {
    bytes: 1,
    range: [0, 255],
    write: (view, at, value) => view.setUint8(at, value),
    read: (view, at) => view.getUint8(at),
    allocate: (length) => new Uint8Array(length),
  },
  int8: {
    bytes: 1,
    range: [-128, 127],
    write: (view, at, value) => view.setInt8(at, value),
    read: (view, at) => view.getInt8(at),
    allocate: (length) => new Int8Array(length),
  },
  int32: {
    bytes: 4,
    range: [-(2 ** 31), 2 ** 31 - 1],
    write: (view, at, value) => view.setInt32(at, value, true),
    read: (view, at) => view.getInt32(at, true),
    allocate: (length) => new Int32Array(length),
  },
  float32: {
    bytes: 4,
    range: [-FLOAT32_MAX, FLOAT32_MAX],
    write: (view, at, value) => view.setFloat32(at, value, true),
    read: (view, at) => view.getFloat32(at, true),
    allocate: (length) => new Float32Array(length),
  },
};

export const DTYPES = Object.keys(RULES) as readonly DType[];

/** Number of elements: the product of the shape. */
export function elementCount(spec: Pick<TensorSpec, "shape">): number {
  return spec.shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * Bytes of the tensors laid one after another.
 * @throws ProtocolError `tensor/too-large` over {@link MAX_TENSOR_BYTES} in all
 */
export function byteLengthOf(specs: readonly TensorSpec[]): number {
  const total = specs.reduce((sum, spec) => sum + elementCount(spec) * RULES[spec.dtype].bytes, 0);
  if (total > MAX_TENSOR_BYTES) {
    throw new ProtocolError(
      "tensor/too-large",
      `tensors take ${total} bytes, at most ${MAX_TENSOR_BYTES} are allowed: use a smaller shape`,
    );
  }
  return total;
}

/**
 * The bytes a job carries: the tensors in the manifest's order, C-contiguous, little-endian, no header.
 * @param values one flat array per spec, in the same order
 * @throws ProtocolError `tensor/wrong-shape`, `tensor/not-finite`, `tensor/not-integer`, `tensor/out-of-range`,
 * `tensor/too-large`
 */
export function encodeTensors(specs: readonly TensorSpec[], values: readonly TensorValues[]): Uint8Array {
  if (values.length !== specs.length) {
    throw new ProtocolError(
      "tensor/wrong-shape",
      `got ${values.length} tensors, the model has ${specs.length} (${specs.map((spec) => spec.name).join(", ")}): pass one array for each`,
    );
  }
  const bytes = new Uint8Array(byteLengthOf(specs));
  const view = new DataView(bytes.buffer);
  let at = 0;
  specs.forEach((spec, index) => {
    at = writeTensor(view, at, spec, values[index] as TensorValues);
  });
  return bytes;
}

/**
 * The inverse of {@link encodeTensors}: one flat typed array per spec, owning its memory.
 * @throws ProtocolError `tensor/wrong-shape` when the length is another, `tensor/not-finite` on a NaN or infinity
 */
export function decodeTensors(specs: readonly TensorSpec[], bytes: Uint8Array): TypedArray[] {
  checkByteLength(specs, bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return specs.map((spec) => {
    const rule = RULES[spec.dtype];
    const values = rule.allocate(elementCount(spec));
    for (let i = 0; i < values.length; i++, at += rule.bytes) {
      const value = rule.read(view, at);
      checkFinite(spec, i, value);
      values[i] = value;
    }
    return values;
  });
}

/**
 * Checks that the bytes are exactly as many as the tensors take.
 * @throws ProtocolError `tensor/wrong-shape` when fewer, `tensor/too-large` when more
 */
export function checkByteLength(specs: readonly TensorSpec[], bytes: Uint8Array): void {
  const wanted = byteLengthOf(specs);
  if (bytes.length === wanted) return;
  throw new ProtocolError(
    bytes.length > wanted ? "tensor/too-large" : "tensor/wrong-shape",
    `got ${bytes.length} bytes, ${describeSpecs(specs)} take exactly ${wanted}: encode the tensors by the manifest`,
  );
}

export function describeSpecs(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `${spec.name} ${spec.dtype}[${spec.shape.join(",")}]`).join(", ");
}

function writeTensor(view: DataView, start: number, spec: TensorSpec, values: TensorValues): number {
  const rule = RULES[spec.dtype];
  const count = elementCount(spec);
  if (values.length !== count) {
    throw new ProtocolError(
      "tensor/wrong-shape",
      `tensor ${describeSpecs([spec])} got ${values.length} values, it takes exactly ${count}: pass them flat, row by row`,
    );
  }
  let at = start;
  for (let i = 0; i < count; i++, at += rule.bytes) {
    const value = values[i] as number;
    checkValue(spec, i, value);
    rule.write(view, at, value);
  }
  return at;
}

function checkValue(spec: TensorSpec, index: number, value: number): void {
  checkFinite(spec, index, value);
  const [least, greatest] = RULES[spec.dtype].range;
  if (spec.dtype !== "float32" && !Number.isInteger(value)) {
    throw new ProtocolError(
      "tensor/not-integer",
      `tensor ${spec.name} has ${value} at ${index}, ${spec.dtype} takes whole numbers: quantise it as the model's notes say`,
    );
  }
  if (value < least || value > greatest) {
    throw new ProtocolError(
      "tensor/out-of-range",
      `tensor ${spec.name} has ${value} at ${index}, ${spec.dtype} takes ${least} to ${greatest}: scale or clip it first`,
    );
  }
}

function checkFinite(spec: TensorSpec, index: number, value: number): void {
  if (Number.isFinite(value)) return;
  throw new ProtocolError(
    "tensor/not-finite",
    `tensor ${spec.name} has ${value} at ${index}, only finite numbers are allowed: replace it`,
  );
}
