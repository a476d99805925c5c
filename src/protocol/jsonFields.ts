import { type Address, getAddress, type Hex, isAddress } from "viem";
import { ProtocolError } from "./errors.ts";

/**
 * Reads the fields of statements that come as JSON. Everything that isn't exactly the form asked for is refused, in one
 * line that names the field, what it holds and what it may hold, under one of these codes after the statement's name:
 * `not-json`, `missing-field`, `unknown-field`, `wrong-type`, `malformed`, `out-of-range`.
 */
export type JsonFields = {
  /** Parsed JSON: text is parsed, anything else is taken as it is. */
  json(source: unknown): unknown;
  /** A plain object with all of `keys`, and of others only `optional` ones. */
  object<const Key extends string, const Optional extends string = never>(
    at: string,
    value: unknown,
    keys: readonly Key[],
    optional?: readonly Optional[],
  ): Record<Key, unknown> & Partial<Record<Optional, unknown>>;
  list<T>(at: string, value: unknown, most: number, read: (at: string, item: unknown) => T): T[];
  /** A JSON number: whole, from `least` (zero) to `greatest`. */
  number(at: string, value: unknown, greatest: number, least?: number): number;
  /** A decimal string without sign or leading zeros. */
  decimal(at: string, value: unknown, bits: number): bigint;
  /** So many bytes, 0x and lower-case digits. */
  bytes(at: string, value: unknown, length: number): Hex;
  /** In lower case, or with the right checksum (EIP-55). */
  address(at: string, value: unknown): Address;
  /** Well-formed Unicode. */
  text(at: string, value: unknown): string;
};

/** Greatest value of a field of so many bits, at most 53. */
export const maxOf = (bits: number): number => 2 ** bits - 1;

/** @param what the statement's name, the first part of every code */
export function jsonFields(what: string): JsonFields {
  const refuse = (kind: string, at: string, got: string, wanted: string, cause?: unknown): never => {
    throw new ProtocolError(`${what}/${kind}`, `${at} is ${got}, wanted is ${wanted}: correct the ${what}`, { cause });
  };
  const string = (at: string, value: unknown, wanted: string): string =>
    typeof value === "string" ? value : refuse("wrong-type", at, describe(value), wanted);

  return {
    json(source) {
      if (typeof source !== "string") return source;
      try {
        return JSON.parse(source);
      } catch (cause) {
        return refuse("not-json", what, "other text", "JSON", cause);
      }
    },

    object(at, value, keys, optional = []) {
      if (!isPlainObject(value)) return refuse("wrong-type", at, describe(value), `an object with ${keys.join(", ")}`);
      const known: readonly PropertyKey[] = [...keys, ...optional];
      const unknown = Reflect.ownKeys(value).find((key) => !known.includes(key));
      if (unknown !== undefined) {
        return refuse("unknown-field", pathOf(at, unknown), "there", `nothing but ${known.join(", ")}`);
      }
      const missing = keys.find((key) => !Object.hasOwn(value, key));
      if (missing !== undefined) {
        return refuse("missing-field", pathOf(at, missing), "missing", `all of ${keys.join(", ")}`);
      }
      return value as ReturnType<JsonFields["object"]>;
    },

    list(at, value, most, read) {
      const wanted = `a list of at most ${most}`;
      if (!Array.isArray(value)) return refuse("wrong-type", at, describe(value), wanted);
      if (value.length > most) return refuse("out-of-range", at, describe(value), wanted);
      return Array.from(value, (item: unknown, index) => read(`${at}[${index}]`, item));
    },

    number(at, value, greatest, least = 0) {
      const wanted = `a whole number from ${least} to ${greatest}`;
      if (typeof value !== "number") return refuse("wrong-type", at, describe(value), wanted);
      if (!Number.isInteger(value) || Object.is(value, -0)) return refuse("malformed", at, String(value), wanted);
      if (value < least || value > greatest) return refuse("out-of-range", at, String(value), wanted);
      return value;
    },

    decimal(at, value, bits) {
      const wanted = decimalOf(bits);
      const digits = string(at, value, wanted);
      if (!/^(0|[1-9][0-9]*)$/.test(digits)) return refuse("malformed", at, describe(value), wanted);
      // 39 digits are enough for 128 bits; longer ones aren't worth the arithmetic.
      if (digits.length > 78 || BigInt(digits) >> BigInt(bits) !== 0n) {
        return refuse("out-of-range", at, describe(value), wanted);
      }
      return BigInt(digits);
    },

    bytes(at, value, length) {
      const wanted = `0x and ${2 * length} lower-case hexadecimal digits`;
      const digits = string(at, value, wanted);
      if (!/^0x[0-9a-f]*$/.test(digits) || digits.length !== 2 + 2 * length) {
        return refuse("malformed", at, describe(value), wanted);
      }
      return digits as Hex;
    },

    address(at, value) {
      const wanted = "0x and 40 hexadecimal digits, in lower case or with the right checksum";
      const digits = string(at, value, wanted);
      return isAddress(digits) ? getAddress(digits) : refuse("malformed", at, describe(value), wanted);
    },

    text(at, value) {
      const wanted = "a string of well-formed Unicode";
      const text = string(at, value, wanted);
      return text.isWellFormed() ? text : refuse("malformed", at, describe(value), wanted);
    },
  };
}

const decimals = new Map<number, string>();

/** What a decimal of so many bits is, for messages. */
function decimalOf(bits: number): string {
  const known = decimals.get(bits) ?? `a decimal string from "0" to "${2n ** BigInt(bits) - 1n}"`;
  decimals.set(bits, known);
  return known;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function pathOf(at: string, key: PropertyKey): string {
  const name = JSON.stringify(String(key)).slice(1, -1).slice(0, 80);
  return at === "" ? name : `${at}.${name}`;
}

/** A short form of what was got, for one line of a message. */
function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value).slice(0, 80).split("\n", 1)[0] ?? "";
  return value.length > 140 ? `${value.length} characters` : JSON.stringify(value);
}
