import { ProtocolError } from "../../protocol/errors.ts";
import { checkByteLength, describeSpecs, type TensorSpec } from "../../protocol/tensor.ts";
import { type DigitOptions, MNIST_SIDE, toDigit } from "./digitPicture.ts";
import { type GreyPicture, readPng } from "./greyPicture.ts";
import { type InputForm, inputFormOf } from "./inputForm.ts";
import { inverted, resized } from "./resize.ts";
import { encodeRow, type RowOptions, readCsv, readJson } from "./rows.ts";

export type FileFormat = (typeof FILE_FORMATS)[number];

export const FILE_FORMATS = ["png", "csv", "json", "raw"] as const;

export type EncodeOptions = DigitOptions & RowOptions;

/** What a model takes, and in a line each what was decided on the way to it. */
export type EncodedFile = { bytes: Uint8Array; notes: string[] };

/**
 * A file's content as the bytes of a model's inputs.
 * @throws ProtocolError `input/wrong-format` when the model takes something else, and what reading that format throws
 */
export function encodeFile(
  content: Uint8Array,
  format: FileFormat,
  specs: readonly TensorSpec[],
  options: EncodeOptions = {},
): EncodedFile {
  const form = inputFormOf(specs);
  if (format === "raw") {
    checkByteLength(specs, content);
    return { bytes: content, notes: [] };
  }
  if (format === "png") {
    if (form.kind !== "picture") throw wrongFormat(format, form, specs);
    return encodePicture(content, form.side, options);
  }
  if (form.kind !== "row") throw wrongFormat(format, form, specs);
  const text = new TextDecoder().decode(content);
  const table = format === "csv" ? readCsv(text, form.count) : readJson(text, form.count);
  return encodeRow(table, form, options);
}

function encodePicture(content: Uint8Array, side: number, options: DigitOptions): EncodedFile {
  const { picture, notes } = readPng(content);
  const { bytes, notes: more } = side === MNIST_SIDE ? toDigit(picture, options) : toSquare(picture, side, options);
  return { bytes, notes: [...notes, ...more] };
}

/** Of pictures that aren't digits nothing is known: they are only scaled. */
function toSquare(picture: GreyPicture, side: number, { invert = false }: DigitOptions): EncodedFile {
  if (picture.width !== picture.height) {
    throw new ProtocolError(
      "input/not-square",
      `the picture has ${picture.width}×${picture.height} pixels, the model takes ${side}×${side}: crop it to a square`,
    );
  }
  const { values } = resized(invert ? inverted(picture) : picture, side, side);
  return { bytes: Uint8Array.from(values, Math.round), notes: [`scaled to ${side}×${side}`] };
}

function wrongFormat(format: FileFormat, form: InputForm, specs: readonly TensorSpec[]): ProtocolError {
  const wanted = {
    picture: "a picture: pass a PNG",
    row: "rows of numbers: pass CSV or JSON",
    raw: "no picture and no row: pass the tensors' bytes with --format raw",
  }[form.kind];
  return new ProtocolError("input/wrong-format", `got ${format}, the model takes ${describeSpecs(specs)}, ${wanted}`);
}
