import { elementCount, type TensorSpec } from "../../protocol/tensor.ts";

/**
 * What a person would bring for a model's inputs. A manifest only says how the tensors are laid out, so their shape
 * decides what is offered, and nothing else depends on the guess: raw bytes are always taken.
 */
export type InputForm =
  | { kind: "picture" /** Pixels each way, one grey byte each. */; side: number }
  | {
      kind: "row";
      spec: TensorSpec;
      /** Numbers in a row. */
      count: number;
      /** What people write the numbers in, when that isn't what the tensor takes. */
      unit?: Unit;
    }
  | { kind: "raw" };

/** `factor` of what the tensor takes make one of what is usually written. */
export type Unit = { written: string; factor: number };

/** Four bytes are a row, not a picture of 2×2. */
const LEAST_SIDE = 8;

/** By the tensor's name, which says what it takes. */
const UNITS: Readonly<Record<string, Unit>> = { millimetres: { written: "centimetres", factor: 10 } };

export function inputFormOf(inputs: readonly TensorSpec[]): InputForm {
  const [spec, ...others] = inputs;
  if (spec === undefined || others.length > 0) return { kind: "raw" };
  const count = elementCount(spec);
  const side = Math.sqrt(count);
  const isSquare = spec.shape.length === 2 || (spec.shape.length === 3 && spec.shape[1] === spec.shape[2]);
  if (spec.dtype === "uint8" && isSquare && Number.isInteger(side) && side >= LEAST_SIDE) {
    return { kind: "picture", side };
  }
  if (spec.shape.length !== 2) return { kind: "raw" };
  const unit = Object.hasOwn(UNITS, spec.name) ? UNITS[spec.name] : undefined;
  return { kind: "row", spec, count, ...(unit && { unit }) };
}
