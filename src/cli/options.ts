import { InvalidArgumentError } from "commander";
import { type Address, getAddress, type Hex, isAddress, isHex, size } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { parseOpg } from "../protocol/units.ts";

/** OPG base units of an amount like `1.5`. */
export function opgAmount(text: string): bigint {
  try {
    return parseOpg(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof ProtocolError ? error.message : "write an amount like 1.5");
  }
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Whole numbers from 0 are allowed.");
  return Number(text);
}

/** A whole number from 1. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("Whole numbers from 1 are allowed.");
  return Number(text);
}

export function positiveNumber(text: string): number {
  const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  if (value === 0) throw new InvalidArgumentError("Numbers over 0, like 10 or 0.1, are allowed.");
  return value;
}

/** A whole number of any size. */
export function largeNumber(text: string): bigint {
  if (!/^\d{1,78}$/.test(text)) throw new InvalidArgumentError("Whole numbers from 0 are allowed.");
  return BigInt(text);
}

export function address(text: string): Address {
  if (!isAddress(text)) throw new InvalidArgumentError("Write 0x and 40 hex digits, lower-case or checksummed.");
  return getAddress(text);
}

/** An operator's id, or its owner's address. */
export function operatorOrOwner(text: string): number | Address {
  return /^\d{1,9}$/.test(text) ? Number(text) : address(text);
}

/** A jobId, modelId or hash. */
export function hash32(text: string): Hex {
  if (!isHash32(text)) throw new InvalidArgumentError("Write 0x and 64 hex digits.");
  return text.toLowerCase() as Hex;
}

export function isHash32(text: string): boolean {
  return isHex(text) && size(text) === 32 && text.length === 66;
}

export function signature(text: string): Hex {
  if (!isHex(text) || text.length % 2 !== 0) throw new InvalidArgumentError("Write 0x and pairs of hex digits.");
  return text;
}
