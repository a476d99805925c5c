import { expect } from "chai";
import { type Hex, keccak256, toHex } from "viem";
import type { Inclusion } from "../../../src/protocol/batch.ts";
import { parsePart, parseReceipt, partToJson, receiptToJson } from "../../../src/protocol/receiptJson.ts";
import { parseVoucher, voucherToJson } from "../../../src/protocol/voucherJson.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import {
  callOf,
  RECEIPT_DOMAIN,
  signPart,
  signReceipt,
  signVoucher,
  VOUCHER,
  VOUCHER_DOMAIN,
} from "../../support/statements.ts";

type Json = Record<string, unknown>;

const INCLUSION: Inclusion = {
  batch: {
    number: 7,
    previousWord: 2n ** 255n + 3n,
    root: keccak256("0x01"),
    count: 100,
    dataHash: keccak256("0x02"),
  },
  proof: [keccak256("0x03"), keccak256("0x04")],
};

/** A copy in which the field at a path such as `receipt.price` is `value`; without it, the field is gone. */
function withField(json: Json, path: string, ...value: [] | [unknown]): Json {
  const copy = structuredClone(json);
  const names = path.split(".");
  const last = names.pop() as string;
  const holder = names.reduce((inner, name) => inner[name] as Json, copy);
  if (value.length === 0) delete holder[last];
  else Object.defineProperty(holder, last, { value: value[0], enumerable: true, configurable: true, writable: true });
  return copy;
}

/** What isn't a number of so many bits in JSON, with the error's kind. */
const badNumbers = (bits: number): [unknown, string][] => [
  ["1", "wrong-type"],
  [null, "wrong-type"],
  [true, "wrong-type"],
  [[1], "wrong-type"],
  [{}, "wrong-type"],
  [undefined, "wrong-type"],
  [1n, "wrong-type"],
  [-1, "out-of-range"],
  [2 ** bits, "out-of-range"],
  [0.5, "malformed"],
  [-0, "malformed"],
  [Number.NaN, "malformed"],
  [Number.POSITIVE_INFINITY, "malformed"],
];

const badDecimals = (bits: number): [unknown, string][] => [
  [1, "wrong-type"],
  [1n, "wrong-type"],
  [null, "wrong-type"],
  [["1"], "wrong-type"],
  ["", "malformed"],
  ["-1", "malformed"],
  ["+1", "malformed"],
  ["01", "malformed"],
  ["00", "malformed"],
  ["1.0", "malformed"],
  ["1e3", "malformed"],
  ["0x1", "malformed"],
  [" 1", "malformed"],
  ["1\n", "malformed"],
  ["1_000", "malformed"],
  ["\u0661", "malformed"],
  [String(2n ** BigInt(bits)), "out-of-range"],
  ["9".repeat(1_000), "out-of-range"],
];

const badBytes = (length: number): [unknown, string][] => [
  [1, "wrong-type"],
  [null, "wrong-type"],
  [{}, "wrong-type"],
  ["", "malformed"],
  ["0x", "malformed"],
  [`0x${"ab".repeat(length - 1)}`, "malformed"],
  [`0x${"ab".repeat(length + 1)}`, "malformed"],
  [`0x${"ab".repeat(length - 1)}a`, "malformed"],
  [`0x${"AB".repeat(length)}`, "malformed"],
  [`0X${"ab".repeat(length)}`, "malformed"],
  [`${"ab".repeat(length)}00`, "malformed"],
  [`0x${"zz".repeat(length)}`, "malformed"],
  [`0x${"ab".repeat(length)}\n`, "malformed"],
];

const badAddresses: [unknown, string][] = [
  [0, "wrong-type"],
  [null, "wrong-type"],
  [`0x${"ab".repeat(19)}`, "malformed"],
  [`0x${"ab".repeat(21)}`, "malformed"],
  [`0x${"AB".repeat(20)}`, "malformed"],
  [`0X${"ab".repeat(20)}`, "malformed"],
  ["0x5fbDB2315678afecb367f032d93F642f64180aa3", "malformed"],
];

const badTexts: [unknown, string][] = [
  [1, "wrong-type"],
  [null, "wrong-type"],
  [["a"], "wrong-type"],
  ["\ud800", "malformed"],
  ["a\udc00", "malformed"],
];

const badObjects: [unknown, string][] = [
  [null, "wrong-type"],
  [[], "wrong-type"],
  ["{}", "wrong-type"],
  [1, "wrong-type"],
  [new Map(), "wrong-type"],
  [new (class Odd {})(), "wrong-type"],
];

/** Every field of a receipt's JSON, and what it may not be. */
const RECEIPT_FIELDS: Record<string, [unknown, string][]> = {
  chainId: [
    [0, "out-of-range"],
    [2 ** 53, "out-of-range"],
    ["1", "wrong-type"],
  ],
  verifyingContract: badAddresses,
  signature: badBytes(65),
  receipt: badObjects,
  "receipt.operatorId": badNumbers(32),
  "receipt.payer": badAddresses,
  "receipt.channelId": badBytes(32),
  "receipt.sequence": badDecimals(64),
  "receipt.model": badTexts,
  "receipt.servedModel": badTexts,
  "receipt.requestHash": badBytes(32),
  "receipt.responseRoot": badBytes(32),
  "receipt.partCount": badNumbers(32),
  "receipt.inputUnits": badDecimals(64),
  "receipt.outputUnits": badDecimals(64),
  "receipt.price": badDecimals(128),
  "receipt.cumulativeOwed": badDecimals(128),
  "receipt.issuedAt": badNumbers(40),
  inclusion: badObjects,
  "inclusion.number": badNumbers(48),
  "inclusion.previousWord": badBytes(32),
  "inclusion.root": badBytes(32),
  "inclusion.count": [...badNumbers(32), [0, "out-of-range"]],
  "inclusion.dataHash": badBytes(32),
  "inclusion.proof": [
    [null, "wrong-type"],
    ["0x", "wrong-type"],
    [{}, "wrong-type"],
    [Array(33).fill(keccak256("0x")), "out-of-range"],
  ],
  "inclusion.proof.1": badBytes(32),
};

const PART_FIELDS: Record<string, [unknown, string][]> = {
  chainId: badNumbers(53),
  verifyingContract: badAddresses,
  signature: badBytes(65),
  part: badObjects,
  "part.operatorId": badNumbers(32),
  "part.channelId": badBytes(32),
  "part.sequence": badDecimals(64),
  "part.index": badNumbers(32),
  "part.runningHash": badBytes(32),
  "part.issuedAt": badNumbers(40),
};

const VOUCHER_FIELDS: Record<string, [unknown, string][]> = {
  chainId: badNumbers(53),
  verifyingContract: badAddresses,
  signature: badBytes(65),
  voucher: badObjects,
  "voucher.payer": badAddresses,
  "voucher.operatorId": badNumbers(32),
  "voucher.opening": badNumbers(24),
  "voucher.cumulativeAmount": badDecimals(96),
};

/** All paths of a JSON object's fields, those of objects inside included. */
function pathsOf(json: Json, prefix = ""): string[] {
  return Object.entries(json).flatMap(([name, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? [`${prefix}${name}`, ...pathsOf(value as Json, `${prefix}${name}.`)]
      : [`${prefix}${name}`],
  );
}

async function expectStrict(
  what: string,
  json: Json,
  parse: (source: unknown) => unknown,
  fields: Record<string, [unknown, string][]>,
): Promise<void> {
  const named = Object.keys(fields).filter((path) => !path.endsWith(".1"));
  expect(named.sort()).to.deep.equal(pathsOf(json).sort());
  for (const [path, bad] of Object.entries(fields)) {
    const shown = path.replace(/\.1$/, "[1]");
    for (const [value, kind] of bad) {
      const error = await expectProtocolError(`${what}/${kind}`, () => parse(withField(json, path, value)));
      expect(error.message.startsWith(`${shown} is `), error.message).to.equal(true);
      expect(error.message).to.match(/, wanted is .+: correct the /);
    }
    if (shown !== path || path === "inclusion") continue;
    const missing = await expectProtocolError(`${what}/missing-field`, () => parse(withField(json, path)));
    expect(missing.message.startsWith(`${path} is missing`), missing.message).to.equal(true);
  }
  for (const holder of ["", ...named.filter((path) => fields[path] === badObjects)]) {
    const prefix = holder === "" ? "" : `${holder}.`;
    for (const extra of ["more", "__proto__", "constructor", "toString", "issuedat", ""]) {
      const error = await expectProtocolError(`${what}/unknown-field`, () =>
        parse(withField(json, `${prefix}${extra}`, 1)),
      );
      expect(error.message.startsWith(`${prefix}${extra} is there`), error.message).to.equal(true);
    }
  }
  for (const [source, kind] of [
    ...badObjects.filter(([value]) => typeof value !== "string"),
    ["{", "not-json"],
    ["", "not-json"],
    [`${JSON.stringify(json)} x`, "not-json"],
    ["[]", "wrong-type"],
    [undefined, "wrong-type"],
  ] as [unknown, string][]) {
    await expectProtocolError(`${what}/${kind}`, () => parse(source));
  }
  const inherited: unknown = Object.create(json);
  await expectProtocolError(`${what}/wrong-type`, () => parse(inherited));
  await expectProtocolError(`${what}/unknown-field`, () => parse({ ...json, [Symbol("more")]: 1 }));
}

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value)) as Json;

describe("a receipt as JSON", () => {
  it("comes back as it was, by way of its text, with its inclusion and without", async () => {
    const signed = { domain: RECEIPT_DOMAIN, ...(await signReceipt(callOf().receipt)) };
    for (const given of [signed, { ...signed, inclusion: INCLUSION }]) {
      const text = JSON.stringify(receiptToJson(given));
      expect(parseReceipt(text)).to.deep.equal(given);
      expect(parseReceipt(JSON.parse(text))).to.deep.equal(given);
      expect(JSON.stringify(receiptToJson(parseReceipt(text)))).to.equal(text);
    }
  });

  it("has the greatest and least of every field, empty names and any Unicode", async () => {
    const word: Hex = `0x${"ff".repeat(32)}`;
    const greatest = {
      ...callOf().receipt,
      operatorId: 2 ** 32 - 1,
      sequence: 2n ** 64n - 1n,
      model: "",
      servedModel: '零/"\u{1f600}\\\u0000',
      channelId: word,
      partCount: 2 ** 32 - 1,
      inputUnits: 2n ** 64n - 1n,
      outputUnits: 0n,
      price: 2n ** 128n - 1n,
      cumulativeOwed: 0n,
      issuedAt: 2 ** 40 - 1,
    };
    const batch = {
      number: 2 ** 48 - 1,
      previousWord: 2n ** 256n - 1n,
      root: word,
      count: 2 ** 32 - 1,
      dataHash: word,
    };
    const given = {
      domain: { ...RECEIPT_DOMAIN, chainId: Number.MAX_SAFE_INTEGER },
      receipt: greatest,
      signature: toHex(0, { size: 65 }),
      inclusion: { batch, proof: Array.from({ length: 32 }, () => word) },
    };
    expect(parseReceipt(JSON.stringify(receiptToJson(given)))).to.deep.equal(given);
  });

  it("is written as docs/receipts.md shows", async () => {
    const signed = { domain: RECEIPT_DOMAIN, ...(await signReceipt(callOf().receipt)), inclusion: INCLUSION };
    const json = asJson(receiptToJson(signed));
    expect(Object.keys(json)).to.deep.equal(["chainId", "verifyingContract", "receipt", "signature", "inclusion"]);
    expect(json.receipt).to.include({
      operatorId: 7,
      sequence: "3298534883329",
      price: "5000",
      issuedAt: 1_900_000_000,
    });
    expect(json.inclusion).to.include({ number: 7, count: 100, previousWord: `0x80${"0".repeat(61)}3` });
  });

  it("takes addresses in lower case, and writes them with their checksum", async () => {
    const signed = { domain: RECEIPT_DOMAIN, ...(await signReceipt(callOf().receipt)) };
    const json = asJson(receiptToJson(signed));
    const lower = withField(json, "verifyingContract", String(json.verifyingContract).toLowerCase());
    expect(asJson(receiptToJson(parseReceipt(lower)))).to.deep.equal(json);
  });

  it("is refused for any field of a wrong type, range or length, for a missing and for an extra one, by name", async () => {
    const signed = { domain: RECEIPT_DOMAIN, ...(await signReceipt(callOf().receipt)), inclusion: INCLUSION };
    await expectStrict("receipt", asJson(receiptToJson(signed)), parseReceipt, RECEIPT_FIELDS);
  });
});

describe("a part as JSON", () => {
  it("comes back as it was, by way of its text", async () => {
    for (const part of callOf().stream) {
      const given = { domain: RECEIPT_DOMAIN, ...(await signPart(part)) };
      const text = JSON.stringify(partToJson(given));
      expect(parsePart(text)).to.deep.equal(given);
      expect(JSON.stringify(partToJson(parsePart(text)))).to.equal(text);
    }
  });

  it("is refused for any field of a wrong type, range or length, for a missing and for an extra one, by name", async () => {
    const part = callOf().stream[1] as ReturnType<typeof callOf>["stream"][number];
    const given = { domain: RECEIPT_DOMAIN, ...(await signPart(part)) };
    await expectStrict("part", asJson(partToJson(given)), parsePart, PART_FIELDS);
  });
});

describe("a voucher as JSON", () => {
  it("comes back as it was, by way of its text", async () => {
    for (const cumulativeAmount of [0n, 1n, 2n ** 96n - 1n]) {
      const voucher = { ...VOUCHER, opening: 2 ** 24 - 1, cumulativeAmount };
      const given = { domain: VOUCHER_DOMAIN, ...(await signVoucher(voucher)) };
      const text = JSON.stringify(voucherToJson(given));
      expect(parseVoucher(text)).to.deep.equal(given);
      expect(JSON.stringify(voucherToJson(parseVoucher(text)))).to.equal(text);
    }
  });

  it("is refused for any field of a wrong type, range or length, for a missing and for an extra one, by name", async () => {
    const given = { domain: VOUCHER_DOMAIN, ...(await signVoucher(VOUCHER)) };
    await expectStrict("voucher", asJson(voucherToJson(given)), parseVoucher, VOUCHER_FIELDS);
  });
});
