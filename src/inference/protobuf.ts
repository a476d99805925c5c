import { ProtocolError } from "../protocol/errors.ts";

/** One message in protobuf's wire format: its fields by number, in the order they stood. */
export type Message = {
  /** What the message is, for errors. */
  what: string;
  fields: ReadonlyMap<number, readonly Field[]>;
};

type Field = bigint | Uint8Array;

type Cursor = { bytes: Uint8Array; at: number };

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const textDecoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Splits a message into its fields. A field whose number isn't in `known` is refused: what isn't understood can't be
 * vouched for.
 * @throws ProtocolError `model/malformed`
 */
export function readMessage(what: string, bytes: Uint8Array, known: readonly number[]): Message {
  const fields = new Map<number, Field[]>();
  const cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(what, cursor);
    const number = Number(tag >> 3n);
    if (!known.includes(number)) {
      throw malformed(what, `has field ${number}, read are only ${known.join(", ")}: export it without`);
    }
    const value = readField(what, cursor, Number(tag & 7n));
    const sofar = fields.get(number);
    if (sofar) sofar.push(value);
    else fields.set(number, [value]);
  }
  return { what, fields };
}

/** Every value of a repeated message, text or bytes field. */
export function listBytes(message: Message, number: number): Uint8Array[] {
  return (message.fields.get(number) ?? []).map((field) => {
    if (typeof field !== "bigint") return field;
    throw malformed(message.what, `has a number in field ${number}, wanted are bytes: export it anew`);
  });
}

/** The value of a field that stands once, or undefined. Twice is refused: readers would differ about which one counts. */
export function oneBytes(message: Message, number: number): Uint8Array | undefined {
  const values = listBytes(message, number);
  if (values.length > 1) throw malformed(message.what, `has field ${number} ${values.length} times, allowed is once`);
  return values[0];
}

/** UTF-8 text, empty when the field is absent. */
export function oneText(message: Message, number: number): string {
  return decodeText(message.what, oneBytes(message, number) ?? new Uint8Array());
}

export function listText(message: Message, number: number): string[] {
  return listBytes(message, number).map((bytes) => decodeText(message.what, bytes));
}

/** Every value of a repeated integer field, packed or not, as signed 64-bit numbers that are safe in a double. */
export function listIntegers(message: Message, number: number): number[] {
  return (message.fields.get(number) ?? []).flatMap((field) => {
    if (typeof field === "bigint") return [toInteger(message.what, field)];
    const cursor = { bytes: field, at: 0 };
    const values: number[] = [];
    while (cursor.at < field.length) values.push(toInteger(message.what, readVarint(message.what, cursor)));
    return values;
  });
}

export function oneInteger(message: Message, number: number): number | undefined {
  const values = listIntegers(message, number);
  if (values.length > 1) throw malformed(message.what, `has field ${number} ${values.length} times, allowed is once`);
  return values[0];
}

export function malformed(what: string, problem: string): ProtocolError {
  return new ProtocolError("model/malformed", `${what} ${problem}`);
}

function readField(what: string, cursor: Cursor, wireType: number): Field {
  switch (wireType) {
    case VARINT:
      return readVarint(what, cursor);
    case FIXED64:
      return readBytes(what, cursor, 8);
    case FIXED32:
      return readBytes(what, cursor, 4);
    case BYTES:
      return readBytes(what, cursor, Number(readVarint(what, cursor)));
    default:
      throw malformed(
        what,
        `has wire type ${wireType}, allowed are 0, 1, 2 and 5: it is no ONNX file, or a damaged one`,
      );
  }
}

function readVarint(what: string, cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw malformed(what, "ends inside a number: it is no ONNX file, or a damaged one");
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw malformed(what, "has a number over 10 bytes long: it is no ONNX file, or a damaged one");
}

function readBytes(what: string, cursor: Cursor, length: number): Uint8Array {
  const left = cursor.bytes.length - cursor.at;
  if (length > left) {
    throw malformed(
      what,
      `has a field of ${length} bytes where ${left} are left: it is no ONNX file, or a damaged one`,
    );
  }
  cursor.at += length;
  return cursor.bytes.subarray(cursor.at - length, cursor.at);
}

function decodeText(what: string, bytes: Uint8Array): string {
  try {
    return textDecoder.decode(bytes);
  } catch {
    throw malformed(what, "has a text that isn't UTF-8: it is no ONNX file, or a damaged one");
  }
}

function toInteger(what: string, raw: bigint): number {
  const value = Number(BigInt.asIntN(64, raw));
  if (!Number.isSafeInteger(value)) throw malformed(what, `has ${raw}, allowed are numbers within ±(2^53 − 1)`);
  return value;
}
