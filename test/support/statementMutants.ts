import { getAddress, type Hex, toHex } from "viem";
import { GROUP_ORDER } from "./statements.ts";

/** A statement's JSON, with the statement itself under its name. */
export type StatementJson = { chainId: number; verifyingContract: string; signature: string } & Record<string, unknown>;
export type Fields = Record<string, string | number>;

/** What may come over the wire, and the reasons that its refusal must give. */
export type Mutant = { kind: string; source: unknown; reasons: string[] };

/** Draws that are the same every time (mulberry32). */
export type Random = { below(limit: number): number; pick<T>(items: readonly T[]): T };

export function randomFrom(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, pick: (items) => items[below(items.length)] as (typeof items)[number] };
}

/** How wide the numbers of statements are, in bits; those above 48 are strings in JSON. */
export const WIDTHS: Readonly<Record<string, number>> = {
  operatorId: 32,
  opening: 24,
  index: 32,
  partCount: 32,
  issuedAt: 40,
  sequence: 64,
  inputUnits: 64,
  outputUnits: 64,
  cumulativeAmount: 96,
  price: 128,
  cumulativeOwed: 128,
};

/** Another value of the same form. */
export function otherValue(random: Random, name: string, value: string | number): string | number {
  const width = WIDTHS[name];
  if (width !== undefined) {
    const limit = 1n << BigInt(width);
    const step = random.pick([1n, limit - 1n, 1n << BigInt(random.below(width)), BigInt(1 + random.below(1_000_000))]);
    const other = (BigInt(value) + step) % limit;
    return typeof value === "number" ? Number(other) : String(other);
  }
  const text = String(value);
  if (!text.startsWith("0x")) return random.pick([`${text} `, text.toUpperCase(), text.slice(1), `${text}\u0301`, ""]);
  const flipped = BigInt(text) ^ (1n << BigInt(random.below(4 * (text.length - 2))));
  const other = toHex(flipped, { size: (text.length - 2) / 2 });
  return other.length === 42 ? getAddress(other) : other;
}

/** A signature that is none of the same key over the same: of 65 bytes still, so that JSON takes it. */
export function otherSignature(random: Random, signature: string): { kind: string; signature: string } {
  const [r, s, v] = [signature.slice(2, 66), signature.slice(66, 130), signature.slice(130)];
  const otherV = v === "1b" ? "1c" : "1b";
  const highS = toHex(GROUP_ORDER - BigInt(`0x${s}`), { size: 32 }).slice(2);
  const bit = random.below(520);
  const flipped = toHex(BigInt(signature) ^ (1n << BigInt(bit)), { size: 65 });
  return random.pick([
    { kind: "signature: a bit flipped", signature: flipped },
    { kind: "signature: a bit flipped", signature: flipped },
    { kind: "signature: r and s swapped", signature: `0x${s}${r}${v}` },
    { kind: "signature: v first", signature: `0x${v}${r}${s}` },
    { kind: "signature: the other v", signature: `0x${r}${s}${otherV}` },
    { kind: "signature: v as parity", signature: `0x${r}${s}${v === "1b" ? "00" : "01"}` },
    { kind: "signature: s in the upper half", signature: `0x${r}${highS}${otherV}` },
    { kind: "signature: s in the upper half", signature: `0x${r}${highS}${v}` },
    { kind: "signature: nothing", signature: `0x${"00".repeat(65)}` },
  ]);
}

type Damage = { kind: string; reason: string; source: unknown };

/** JSON of another shape than docs/receipts.md allows, with the kind of error that must name it. */
export function damaged(random: Random, what: string, json: StatementJson): Damage {
  const copy = structuredClone(json);
  const inner = copy[what] as Record<string, unknown>;
  const inInner = random.below(4) > 0;
  const holder = inInner ? inner : (copy as Record<string, unknown>);
  const name = random.pick(Object.keys(holder));
  const put = (kind: string, reason: string, at: Record<string, unknown>, key: string, value: unknown): Damage => {
    Object.defineProperty(at, key, { value, enumerable: true, configurable: true, writable: true });
    return { kind: `JSON: ${kind}`, reason, source: random.below(2) === 0 ? copy : JSON.stringify(copy) };
  };
  const numbers = Object.keys(inner).filter((key) => typeof inner[key] === "number");
  const decimals = Object.keys(inner).filter((key) => WIDTHS[key] !== undefined && typeof inner[key] === "string");
  const [number, decimal] = [random.pick(numbers), random.pick(decimals)];
  const hexes = Object.keys(inner).filter((key) => /^0x[0-9a-f]{64}$/.test(String(inner[key])));
  const hex = hexes.length > 0 && random.below(3) > 0 ? random.pick(hexes) : "signature";
  const hexHolder = hex === "signature" ? (copy as Record<string, unknown>) : inner;
  const digits = String(hexHolder[hex]);
  const address = Object.hasOwn(inner, "payer") && random.below(2) > 0 ? inner : (copy as Record<string, unknown>);
  const addressName = address === inner ? "payer" : "verifyingContract";
  const checksummed = String(address[addressName]);

  switch (random.below(15)) {
    case 0: {
      const bad = random.pick([
        null,
        true,
        [],
        [holder[name]],
        ...(name === what ? [] : [{}]),
        ...(name === what ? [1, "{}"] : []),
      ]);
      return put("a wrong type", "wrong-type", holder, name, bad);
    }
    case 1: {
      delete holder[name];
      return { kind: "JSON: a field missing", reason: "missing-field", source: copy };
    }
    case 2:
      return put(
        "a field more",
        "unknown-field",
        holder,
        random.pick(["extra", "Price", "v", "", name.toUpperCase()]),
        0,
      );
    case 3: {
      const key = random.pick(["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"]);
      return put("a prototype's key", "unknown-field", holder, key, { ...inner });
    }
    case 4:
      return put("a number too great", "out-of-range", inner, number, 2 ** (WIDTHS[number] ?? 0));
    case 5:
      return put("a negative number", "out-of-range", inner, number, -1 - random.below(99));
    case 6:
      return put("half a number", "malformed", inner, number, Number(inner[number]) + 0.5);
    case 7:
      return put("a number as a string", "wrong-type", inner, number, String(inner[number]));
    case 8: {
      const tooGreat = String((1n << BigInt(WIDTHS[decimal] ?? 0)) + BigInt(random.below(9)));
      return put("a string's number too great", "out-of-range", inner, decimal, tooGreat);
    }
    case 9: {
      const value = String(inner[decimal]);
      const bad = random.pick([
        `0${value}`,
        `-${value}`,
        `+${value}`,
        ` ${value}`,
        `${value}.0`,
        `${value}n`,
        "",
        "0x1",
      ]);
      return put("a string that is no number", "malformed", inner, decimal, bad);
    }
    case 10:
      return put("a string's number as a number", "wrong-type", inner, decimal, Number(inner[decimal]));
    case 11:
      return put("hexadecimal digits in upper case", "malformed", hexHolder, hex, `0x${digits.slice(2).toUpperCase()}`);
    case 12: {
      const bad = [
        `${digits}00`,
        digits.slice(0, -2),
        digits.slice(0, -1),
        digits.slice(2),
        `0X${digits.slice(2)}`,
        "0x",
      ];
      return put("bytes of another length", "malformed", hexHolder, hex, random.pick(bad));
    }
    case 13: {
      const at = random.pick([...checksummed].flatMap((digit, index) => (/[a-fA-F]/.test(digit) ? [index] : [])));
      const digit = checksummed.charAt(at);
      const swapped = digit === digit.toLowerCase() ? digit.toUpperCase() : digit.toLowerCase();
      const bad = `${checksummed.slice(0, at)}${swapped}${checksummed.slice(at + 1)}`;
      return put("an address with a wrong checksum", "malformed", address, addressName, bad as Hex);
    }
    default: {
      const bad = random.pick([checksummed.slice(0, -1), `${checksummed}0`, `${checksummed.slice(0, -1)}g`]);
      return put("an address of another length or digit", "malformed", address, addressName, bad);
    }
  }
}
