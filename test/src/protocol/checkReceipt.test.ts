import { expect } from "chai";
import { type Hex, keccak256 } from "viem";
import { areAllOk, type Check, requireAllOk } from "../../../src/protocol/check.ts";
import { checkReceipt, type ReceiptCheckName, type ReceiptExpectation } from "../../../src/protocol/checkReceipt.ts";
import type { Receipt } from "../../../src/protocol/receipt.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import {
  CHANNEL,
  callOf,
  NOW,
  OTHER_ADDRESS,
  RECEIPT_DOMAIN,
  RECEIPTS,
  SALT,
  SIGNER,
  STRANGER,
  signReceipt,
  withHighS,
} from "../../support/statements.ts";

const NAMES: ReceiptCheckName[] = [
  "signature",
  "operator",
  "channel",
  "sequence",
  "model",
  "served-model",
  "request",
  "response",
  "price",
  "cumulative-owed",
  "time",
];
const { receipt: RECEIPT, parts, requestHash } = callOf();
const WORD = keccak256("0x1234");
const EXPECTED: ReceiptExpectation = {
  domain: RECEIPT_DOMAIN,
  signer: SIGNER.address,
  operatorId: CHANNEL.operatorId,
  payer: CHANNEL.payer,
  channelId: RECEIPT.channelId,
  sequence: RECEIPT.sequence,
  model: "acme/mini",
  requestHash,
  response: { salt: SALT, parts },
  maxPrice: RECEIPT.price,
  previousOwed: RECEIPT.cumulativeOwed - RECEIPT.price,
  clock: { now: NOW + 30, clockToleranceSeconds: 30 },
};

const failed = (checks: readonly Check[]) => checks.filter(({ ok }) => !ok).map(({ name }) => name);

/** The checks that fail for a receipt the right key has signed. */
async function failedFor(change: Partial<Receipt>, expected: Partial<ReceiptExpectation> = {}): Promise<string[]> {
  return failed(await checkReceipt(await signReceipt({ ...RECEIPT, ...change }), { ...EXPECTED, ...expected }));
}

describe("a receipt's checks", () => {
  it("are all named, in fixed order, and all well for what was asked for", async () => {
    const checks = await checkReceipt(await signReceipt(RECEIPT), EXPECTED);
    expect(checks.map(({ name }) => name)).to.deep.equal(NAMES);
    expect(failed(checks)).to.deep.equal([]);
    expect(areAllOk(checks)).to.equal(true);
    for (const { detail } of checks) expect(detail).to.match(/^[^\n]+$/);
    requireAllOk("receipt", checks);
  });

  it("leave out the sequence and the time if nobody says what they should be", async () => {
    const { sequence: _, clock: __, ...rest } = EXPECTED;
    const checks = await checkReceipt(await signReceipt(RECEIPT), rest);
    expect(checks.map(({ name }) => name)).to.deep.equal(NAMES.filter((name) => !["sequence", "time"].includes(name)));
    expect(areAllOk(checks)).to.equal(true);
  });

  it("fail one by one when the operator signs something else", async () => {
    const cases: [Partial<Receipt>, string][] = [
      [{ operatorId: 8 }, "operator"],
      [{ payer: OTHER_ADDRESS }, "channel"],
      [{ channelId: WORD }, "channel"],
      [{ sequence: RECEIPT.sequence + 1n }, "sequence"],
      [{ model: "acme/other", servedModel: "acme/mini" }, "model"],
      [{ servedModel: "acme/nano" }, "served-model"],
      [{ requestHash: WORD }, "request"],
      [{ responseRoot: WORD }, "response"],
      [{ partCount: 3 }, "response"],
      [{ price: RECEIPT.price + 1n, cumulativeOwed: RECEIPT.cumulativeOwed + 1n }, "price"],
      [{ cumulativeOwed: RECEIPT.cumulativeOwed + 1n }, "cumulative-owed"],
      [{ cumulativeOwed: RECEIPT.price - 1n }, "cumulative-owed"],
      [{ price: RECEIPT.price - 1n }, "cumulative-owed"],
      [{ issuedAt: NOW + 61 }, "time"],
      [{ issuedAt: NOW - 1 }, "time"],
    ];
    for (const [change, name] of cases)
      expect(await failedFor(change), JSON.stringify(Object.keys(change))).to.deep.equal([name]);
    expect(new Set(cases.map(([, name]) => name)).size).to.equal(NAMES.length - 1);
  });

  it("pass at the edges: the cap itself, a lower price, both ends of the time allowed", async () => {
    expect(await failedFor({}, { maxPrice: RECEIPT.price + 1n })).to.deep.equal([]);
    expect(await failedFor({ price: 0n, cumulativeOwed: RECEIPT.cumulativeOwed - RECEIPT.price })).to.deep.equal([]);
    for (const issuedAt of [NOW, NOW + 60]) expect(await failedFor({ issuedAt })).to.deep.equal([]);
    expect(await failedFor({ inputUnits: 9n, outputUnits: 9n }), "what only the operator counts").to.deep.equal([]);
  });

  it("R1: fail by the signature under another key, chain or log, or with s in the upper half", async () => {
    const domains = [
      { chainId: 1, receipts: RECEIPTS },
      { chainId: 31_337, receipts: OTHER_ADDRESS },
    ] as const;
    const signed = await signReceipt(RECEIPT);
    const bad = [
      await signReceipt(RECEIPT, { key: STRANGER }),
      ...(await Promise.all(domains.map((domain) => signReceipt(RECEIPT, { domain })))),
      { ...signed, signature: withHighS(signed.signature) },
      { ...signed, signature: "0x" as Hex },
    ];
    for (const given of bad) expect(failed(await checkReceipt(given, EXPECTED))).to.deep.equal(["signature"]);
  });

  it("R1: name the domain first, if the receipt says which it is for", async () => {
    const signed = await signReceipt(RECEIPT);
    const [first] = await checkReceipt({ ...signed, domain: RECEIPT_DOMAIN }, EXPECTED);
    expect(first).to.include({ name: "domain", ok: true });
    for (const domain of [
      { ...RECEIPT_DOMAIN, chainId: 1 },
      { ...RECEIPT_DOMAIN, receipts: OTHER_ADDRESS },
    ] as const) {
      expect(failed(await checkReceipt({ ...signed, domain }, EXPECTED))).to.deep.equal(["domain"]);
    }
  });

  it("never throw: what no type allows fails by the signature", async () => {
    const { signature } = await signReceipt(RECEIPT);
    const odd: Partial<Receipt>[] = [
      { operatorId: -1 },
      { operatorId: 2 ** 32 },
      { payer: "0x12" },
      { channelId: "0x" },
      { price: -1n },
      { cumulativeOwed: 2n ** 128n },
      { issuedAt: 0.5 },
    ];
    for (const change of odd) {
      const checks = await checkReceipt({ receipt: { ...RECEIPT, ...change }, signature }, EXPECTED);
      expect(failed(checks)).to.include("signature");
      expect(checks[0]?.detail).not.to.include("\n");
    }
  });

  it("take another served model where the client allows it, and say which", async () => {
    const signed = await signReceipt({ ...RECEIPT, servedModel: "acme/nano" });
    const checks = await checkReceipt(signed, { ...EXPECTED, allowOtherServedModel: true });
    expect(failed(checks)).to.deep.equal([]);
    expect(checks.find(({ name }) => name === "served-model")?.detail).to.include("acme/nano");
  });

  it("compare with what a checked stream has led to", async () => {
    const { responseRoot, partCount } = RECEIPT;
    expect(await failedFor({}, { response: { responseRoot, partCount } })).to.deep.equal([]);
    expect(await failedFor({}, { response: { responseRoot, partCount: 3 } })).to.deep.equal(["response"]);
    expect(await failedFor({}, { response: { responseRoot: WORD, partCount } })).to.deep.equal(["response"]);
    const others: Hex[][] = [[], parts.slice(0, 3), [...parts].reverse(), parts.map(() => "0x00")];
    for (const other of others) {
      expect(await failedFor({}, { response: { salt: SALT, parts: other } })).to.deep.equal(["response"]);
    }
    expect(await failedFor({}, { response: { salt: WORD, parts } })).to.deep.equal(["response"]);
  });

  it("let other calls in flight be counted in between, up to their caps", async () => {
    const owed = (more: bigint) => ({ cumulativeOwed: RECEIPT.cumulativeOwed + more });
    expect(await failedFor(owed(700n), { inFlight: 700n })).to.deep.equal([]);
    expect(await failedFor(owed(0n), { inFlight: 700n })).to.deep.equal([]);
    expect(await failedFor(owed(701n), { inFlight: 700n })).to.deep.equal(["cumulative-owed"]);
  });

  it("hold the price against the operator's quote, if it is told, for the units the receipt names", async () => {
    const quote = { request: 1_000n, input: 300n, output: 100n }; // 12 and 3 units
    const with4900 = { maxPrice: 10_000n, previousOwed: RECEIPT.cumulativeOwed };
    expect(await failedFor({ price: 4_900n }, { ...with4900, quote })).to.deep.equal([]);
    expect(await failedFor({ price: 4_901n }, { ...with4900, quote })).to.deep.equal(["price-above-quote"]);
    expect(await failedFor({ price: 0n }, { ...with4900, quote })).to.deep.equal([]);
    expect(await failedFor({ price: 4_901n }, with4900)).to.deep.equal([]);
  });

  it("take less owed than the client knows of: an operator that lost calls asks for less", async () => {
    expect(await failedFor({ cumulativeOwed: RECEIPT.cumulativeOwed - 1n })).to.deep.equal([]);
    expect(await failedFor({ cumulativeOwed: RECEIPT.price })).to.deep.equal([]);
    expect(await failedFor({ cumulativeOwed: RECEIPT.price - 1n })).to.deep.equal(["cumulative-owed"]);
  });

  it("want at least the price as owed if nobody knows what was owed before", async () => {
    const { previousOwed: _, ...rest } = EXPECTED;
    const check = async (cumulativeOwed: bigint) =>
      failed(await checkReceipt(await signReceipt({ ...RECEIPT, cumulativeOwed }), rest));
    expect(await check(RECEIPT.price)).to.deep.equal([]);
    expect(await check(RECEIPT.price + 99n)).to.deep.equal([]);
    expect(await check(RECEIPT.price - 1n)).to.deep.equal(["cumulative-owed"]);
  });

  it("refuse by the first that failed", async () => {
    const checks = await checkReceipt(await signReceipt({ ...RECEIPT, operatorId: 8, requestHash: WORD }), EXPECTED);
    expect(failed(checks)).to.deep.equal(["operator", "request"]);
    const error = await expectProtocolError("receipt/operator", () => requireAllOk("receipt", checks));
    expect(error.message).to.include("8").and.to.include("7");
  });
});
