import { type Hex, isHex, size } from "viem";
import { ProtocolError } from "./errors.ts";
import {
  type PortablePart,
  type PortableReceipt,
  parsePart,
  parseReceipt,
  partToJson,
  receiptToJson,
} from "./receiptJson.ts";
import { packVouchers, type SignedVoucher, unpackVouchers, VOUCHER_BYTES } from "./voucher.ts";

/**
 * How a call travels over HTTP, beside OpenAI's own bodies: what the client adds is in headers, what the operator signs in a
 * header (an answer in one piece) or in comments of the event stream, which other clients skip.
 */
export const CALL_HEADERS = {
  /** Request: the client's salt, 0x and 64 hex digits. */
  salt: "x-opg-salt",
  /** Request: one packed voucher, 0x and 198 hex digits. */
  voucher: "x-opg-voucher",
  /** Request: the call's cap, OPG base units, decimal. */
  maxPrice: "x-opg-max-price",
  /** Answer: the signed receipt, its JSON in base64url. */
  receipt: "x-opg-receipt",
} as const;

/** What a call's headers say. */
export type CallHeaders = { salt: Hex; voucher: SignedVoucher; maxPrice: bigint };

/** A comment of the stream, without the blank line that ends it. */
const PART_COMMENT = ": opg-part ";
const RECEIPT_COMMENT = ": opg-receipt ";

/** The headers a client adds. @throws ProtocolError `voucher/signature` */
export function callHeaders({ salt, voucher, maxPrice }: CallHeaders): Record<string, string> {
  return {
    [CALL_HEADERS.salt]: salt,
    [CALL_HEADERS.voucher]: packVouchers([voucher]),
    [CALL_HEADERS.maxPrice]: String(maxPrice),
  };
}

/**
 * Reads what {@link callHeaders} writes. Nothing is checked but the form.
 *
 * @param operatorId whose vouchers are taken: the packed form doesn't name it
 * @throws ProtocolError `call/missing-header`, `call/malformed-header`
 */
export function readCallHeaders(header: (name: string) => string | null | undefined, operatorId: number): CallHeaders {
  const salt = readHex(header, CALL_HEADERS.salt, 32);
  const voucher = readVoucherHeader(header(CALL_HEADERS.voucher), operatorId);
  const price = readHeader(header, CALL_HEADERS.maxPrice);
  if (!/^(0|[1-9][0-9]{0,28})$/.test(price)) throw malformed(CALL_HEADERS.maxPrice, "OPG base units, a decimal number");
  return { salt, voucher, maxPrice: BigInt(price) };
}

/** The voucher's header alone. @throws ProtocolError `call/missing-header`, `call/malformed-header` */
export function readVoucherHeader(value: string | null | undefined, operatorId: number): SignedVoucher {
  const packed = readHex(() => value, CALL_HEADERS.voucher, VOUCHER_BYTES);
  return unpackVouchers(operatorId, packed)[0] as SignedVoucher;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** The receipt as the header has it. */
export function receiptToHeader(receipt: PortableReceipt): string {
  const bytes = new TextEncoder().encode(JSON.stringify(receiptToJson(receipt)));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** @throws ProtocolError `receipt/…`, as `parseReceipt` */
export function receiptFromHeader(value: string): PortableReceipt {
  let text: string;
  try {
    const binary = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = new Uint8Array(binary.length);
    for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
    text = UTF8.decode(bytes);
  } catch (cause) {
    throw new ProtocolError("receipt/not-json", "the receipt's header isn't base64url of a text", { cause });
  }
  return parseReceipt(text);
}

/** The comment that follows a part's bytes. */
export function partComment(part: PortablePart): string {
  return `${PART_COMMENT}${JSON.stringify(partToJson(part))}\n\n`;
}

/** The comment that ends a stream. */
export function receiptComment(receipt: PortableReceipt): string {
  return `${RECEIPT_COMMENT}${JSON.stringify(receiptToJson(receipt))}\n\n`;
}

/**
 * What one block of a stream is, by its first characters: a block is all up to and with a blank line.
 *
 * @returns undefined for a block of the answer itself
 * @throws ProtocolError `part/…`, `receipt/…`
 */
export function readComment(block: string): { part: PortablePart } | { receipt: PortableReceipt } | undefined {
  if (block.startsWith(PART_COMMENT)) return { part: parsePart(block.slice(PART_COMMENT.length).trimEnd()) };
  if (block.startsWith(RECEIPT_COMMENT))
    return { receipt: parseReceipt(block.slice(RECEIPT_COMMENT.length).trimEnd()) };
  return undefined;
}

function readHex(header: (name: string) => string | null | undefined, name: string, bytes: number): Hex {
  const value = readHeader(header, name);
  if (isHex(value) && value.length === 2 + 2 * bytes && size(value) === bytes) return value.toLowerCase() as Hex;
  throw malformed(name, `0x and ${2 * bytes} hex digits`);
}

function readHeader(header: (name: string) => string | null | undefined, name: string): string {
  const value = header(name);
  if (value !== null && value !== undefined) return value;
  throw new ProtocolError(
    "call/missing-header",
    `the header ${name} is missing: calls are paid by vouchers, which opg connect adds by itself`,
  );
}

function malformed(name: string, wanted: string): ProtocolError {
  return new ProtocolError("call/malformed-header", `the header ${name} is something else than ${wanted}: send that`);
}
