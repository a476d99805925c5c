import { ProtocolError } from "../../protocol/errors.ts";
import { encodeTensors } from "../../protocol/tensor.ts";
import type { InputForm } from "./inputForm.ts";

type RowForm = Extract<InputForm, { kind: "row" }>;

export type RowOptions = {
  /** Which row, the first is 1; only when there are several may it not be left out. */
  row?: number;
  /** What the numbers are multiplied by; decided by the unit and by whether they are whole unless told. */
  scale?: number;
};

/** Rows of numbers, as a file has them. */
export type Table = { rows: number[][]; notes: string[] };

/** More than this of a number beside a whole one isn't the arithmetic's own rounding. */
const ROUNDING = 1e-6;

/**
 * Rows of comma-, semicolon- or tab-separated numbers. A first line of names is passed over, and so is one column of
 * words at either end, which names the class.
 * @param count numbers wanted in a row
 * @throws ProtocolError `input/wrong-columns`, `input/not-a-number`, `input/empty`
 */
export function readCsv(text: string, count: number): Table {
  const lines = text
    .split(/\r\n|\n|\r/)
    .map((line, index) => ({ line: index + 1, cells: line.split(/[,;\t]/).map((cell) => cell.trim()) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  const notes: string[] = [];
  if (lines[0]?.cells.every((cell) => !isNumber(cell))) {
    lines.shift();
    notes.push("the first line was taken for names and passed over");
  }
  const isLabelled = lines.some(({ cells }) => cells.length === count + 1 && hasLabel(cells));
  const rows = lines.map(({ line, cells }) => readCells(line, isLabelled ? withoutLabel(cells) : cells, count));
  if (isLabelled) notes.push("the column of words was taken for the class and left out");
  return { rows, notes };
}

/**
 * A list of numbers, or a list of such lists, nested as the tensor is or flat.
 * @throws ProtocolError `input/malformed-json`, `input/wrong-columns`
 */
export function readJson(text: string, count: number): Table {
  const value = parseJson(text);
  const whole = flatten(value);
  if (whole.length === count) return { rows: [whole], notes: [] };
  const rows = Array.isArray(value) && value.every(Array.isArray) ? value.map(flatten) : [whole];
  rows.forEach((row, index) => {
    checkCount(`row ${index + 1}`, row.length, count);
  });
  return { rows, notes: [] };
}

/**
 * One row as the model's bytes.
 * @throws ProtocolError `input/empty`, `input/several-rows`, `input/no-such-row`, `tensor/not-integer`, `tensor/out-of-range`
 */
export function encodeRow(
  { rows, notes }: Table,
  form: RowForm,
  options: RowOptions = {},
): { bytes: Uint8Array; notes: string[] } {
  const row = chooseRow(rows, options.row);
  const scaling = chooseScale(row, form, options.scale);
  const values = row.map((value) => clean(value * scaling.factor));
  return {
    bytes: encodeTensors([form.spec], [values]),
    notes: [...notes, ...scaling.notes, `${form.spec.name}: ${values.join(", ")}`],
  };
}

function chooseRow(rows: readonly number[][], wanted: number | undefined): number[] {
  if (rows.length === 0) throw new ProtocolError("input/empty", "the input has no row of numbers: give it one");
  if (wanted === undefined && rows.length > 1) {
    throw new ProtocolError(
      "input/several-rows",
      `the input has ${rows.length} rows, a job takes one: choose it with --row 1 to --row ${rows.length}`,
    );
  }
  const row = rows[(wanted ?? 1) - 1];
  if (row !== undefined) return row;
  throw new ProtocolError(
    "input/no-such-row",
    `got --row ${wanted}, the input has ${rows.length} rows: choose from 1 to ${rows.length}`,
  );
}

/** Lengths of a flower are written 5.1 cm as a rule, and a model that counts in whole millimetres can't mean 5.1. */
function chooseScale(row: readonly number[], { unit, spec }: RowForm, scale: number | undefined) {
  if (scale !== undefined) return { factor: scale, notes: [`multiplied by ${scale}`] };
  if (unit === undefined) return { factor: 1, notes: [] };
  if (row.every(Number.isInteger)) {
    return {
      factor: 1,
      notes: [`whole numbers were taken as ${spec.name}; for ${unit.written} add --scale ${unit.factor}`],
    };
  }
  return { factor: unit.factor, notes: [`numbers with a fraction were taken as ${unit.written}`] };
}

/** 1.1 × 10 is 11.000000000000002 in binary. */
function clean(value: number): number {
  const nearest = Math.round(value);
  return Math.abs(value - nearest) < ROUNDING ? nearest : value;
}

function readCells(line: number, cells: readonly string[], count: number): number[] {
  checkCount(`line ${line}`, cells.length, count);
  const wrong = cells.find((cell) => !isNumber(cell));
  if (wrong === undefined) return cells.map(Number);
  throw new ProtocolError(
    "input/not-a-number",
    `line ${line} has ${JSON.stringify(wrong.slice(0, 40))}, numbers like 5.1 are allowed: correct it`,
  );
}

function checkCount(where: string, got: number, wanted: number): void {
  if (got === wanted) return;
  throw new ProtocolError(
    "input/wrong-columns",
    `${where} has ${got} numbers, the model takes ${wanted}: leave out what isn't measured, or add what is missing`,
  );
}

function hasLabel(cells: readonly string[]): boolean {
  return isWord(cells.at(-1)) !== isWord(cells[0]);
}

function withoutLabel(cells: readonly string[]): string[] {
  return isWord(cells[0]) ? cells.slice(1) : cells.slice(0, -1);
}

function isWord(cell: string | undefined): boolean {
  return cell !== undefined && cell !== "" && !isNumber(cell);
}

function isNumber(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("input/malformed-json", "the input isn't JSON: write a list of numbers like [5.1, 3.5]", {
      cause,
    });
  }
}

function flatten(value: unknown): number[] {
  if (typeof value === "number") return [value];
  if (Array.isArray(value)) return value.flatMap(flatten);
  throw new ProtocolError(
    "input/malformed-json",
    `the input has ${JSON.stringify(value)?.slice(0, 40)}, lists of numbers are allowed: write it like [5.1, 3.5]`,
  );
}
