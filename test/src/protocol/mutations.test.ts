import { expect } from "chai";
import type { Hex } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import type { Channel } from "../../../src/protocol/channel.ts";
import type { Check } from "../../../src/protocol/check.ts";
import { afterPart, checkPart, startOfStream } from "../../../src/protocol/checkPart.ts";
import { checkReceipt } from "../../../src/protocol/checkReceipt.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { partTypedData, receiptTypedData } from "../../../src/protocol/receipt.ts";
import { parsePart, parseReceipt, partToJson, receiptToJson } from "../../../src/protocol/receiptJson.ts";
import { checkVoucher, voucherTypedData } from "../../../src/protocol/voucher.ts";
import { parseVoucher, voucherToJson } from "../../../src/protocol/voucherJson.ts";
import {
  damaged,
  type Fields,
  type Mutant,
  otherSignature,
  otherValue,
  type Random,
  randomFrom,
  type StatementJson,
} from "../../support/statementMutants.ts";
import {
  CHANNEL,
  callOf,
  NOW,
  OTHER_ADDRESS,
  RECEIPT_DOMAIN,
  SALT,
  SIGNER,
  STRANGER,
  signPart,
  signReceipt,
  signVoucher,
  VOUCHER,
  VOUCHER_DOMAIN,
  VOUCHER_KEY,
} from "../../support/statements.ts";

const MUTANTS = 10_000;
const SEED = 0x0f6c_a115;
const CALLS = 8;
const CLOCK = { now: NOW, clockToleranceSeconds: 0 };

type What = "receipt" | "part" | "voucher";

/** A valid statement, and all that its receiver needs to judge what came instead of it. */
type Subject = {
  what: What;
  json: StatementJson;
  /** Why it is refused: codes, or the names of all checks that failed after the statement's; none if it is accepted. */
  judge(source: unknown): Promise<string[]>;
  /** The signature of this JSON's statement by a key, for this JSON's domain. */
  sign(json: StatementJson, key: PrivateKeyAccount): Promise<Hex>;
  key: PrivateKeyAccount;
};

/** The check that fails when the right key has signed another value; where there is none, nobody but the operator can know. */
const CHECK_OF: Record<What, Record<string, string>> = {
  receipt: {
    operatorId: "operator",
    payer: "channel",
    channelId: "channel",
    sequence: "sequence",
    model: "model",
    servedModel: "served-model",
    requestHash: "request",
    responseRoot: "response",
    partCount: "response",
    price: "cumulative-owed",
    cumulativeOwed: "cumulative-owed",
    issuedAt: "time",
  },
  part: {
    operatorId: "operator",
    channelId: "channel",
    sequence: "sequence",
    index: "index",
    runningHash: "running-hash",
    issuedAt: "time",
  },
  voucher: { payer: "other-channel", operatorId: "other-channel", opening: "other-channel" },
};

const SHAPES = ["domain", "malformed", "missing-field", "out-of-range", "signature", "unknown-field", "wrong-type"];

/** Every reason that some mutant must be refused for. */
const REASONS = (["receipt", "part", "voucher"] as const).flatMap((what) => [
  ...new Set(
    [...SHAPES, ...Object.values(CHECK_OF[what]), ...(what === "receipt" ? ["price"] : [])].map(
      (it) => `${what}/${it}`,
    ),
  ),
]);

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value)) as StatementJson;
const fieldsOf = (subject: Subject, json = subject.json) => json[subject.what] as Fields;
const failed = (what: What, checks: readonly Check[]) =>
  checks.flatMap(({ name, ok }) => (ok ? [] : [`${what}/${name}`]));

async function reasonsOf(run: () => Promise<string[]>): Promise<string[]> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ProtocolError) return [error.code];
    throw error;
  }
}

async function receiptSubject(counter: bigint): Promise<Subject> {
  const { receipt, requestHash, parts } = callOf(counter);
  const changed = { ...receipt, price: 5_000n + counter, cumulativeOwed: 10_000n + 2n * counter };
  const expected = {
    ...{ domain: RECEIPT_DOMAIN, signer: SIGNER.address, operatorId: CHANNEL.operatorId, payer: CHANNEL.payer },
    ...{ channelId: receipt.channelId, sequence: receipt.sequence, model: receipt.model, requestHash },
    response: { salt: SALT, parts },
    maxPrice: changed.price,
    previousOwed: changed.cumulativeOwed - changed.price,
    clock: CLOCK,
  };
  return {
    what: "receipt",
    key: SIGNER,
    json: asJson(receiptToJson({ domain: RECEIPT_DOMAIN, ...(await signReceipt(changed)) })),
    judge: (source) => reasonsOf(async () => failed("receipt", await checkReceipt(parseReceipt(source), expected))),
    sign: (json, key) => {
      const { receipt: other, domain } = parseReceipt(json);
      return key.signTypedData(receiptTypedData(other, domain));
    },
  };
}

async function partSubject(counter: bigint): Promise<Subject> {
  const { stream, requestHash, parts, receipt } = callOf(counter);
  const index = Number(counter) % stream.length;
  const place = parts.slice(0, index).reduce((at, bytes) => afterPart(at, SALT, bytes), startOfStream(requestHash));
  const expected = {
    ...{ domain: RECEIPT_DOMAIN, signer: SIGNER.address, operatorId: CHANNEL.operatorId },
    ...{ channelId: receipt.channelId, sequence: receipt.sequence, salt: SALT, place, bytes: parts[index] as Hex },
    clock: CLOCK,
  };
  return {
    what: "part",
    key: SIGNER,
    json: asJson(partToJson({ domain: RECEIPT_DOMAIN, ...(await signPart(stream[index] as (typeof stream)[number])) })),
    judge: (source) => reasonsOf(async () => failed("part", await checkPart(parsePart(source), expected))),
    sign: (json, key) => {
      const { part, domain } = parsePart(json);
      return key.signTypedData(partTypedData(part, domain));
    },
  };
}

async function voucherSubject(counter: bigint): Promise<Subject> {
  const opening = 1 + Number(counter);
  const channel: Channel = { ...CHANNEL, opening };
  const voucher = { ...VOUCHER, opening, cumulativeAmount: 20_000n + counter };
  return {
    what: "voucher",
    key: VOUCHER_KEY,
    json: asJson(voucherToJson({ domain: VOUCHER_DOMAIN, ...(await signVoucher(voucher)) })),
    judge: (source) =>
      reasonsOf(async () => {
        await checkVoucher(parseVoucher(source), channel, VOUCHER_DOMAIN);
        return [];
      }),
    sign: (json, key) => {
      const { voucher: other, domain } = parseVoucher(json);
      return key.signTypedData(voucherTypedData(other, domain));
    },
  };
}

/** The reasons that a changed field must have when the signature is still the old one. */
function reasonsOfChange({ what, json }: Subject, name: string, value: string | number): string[] {
  const own = checksOf(what, name, (json[what] as Fields)[name], value).map((check) => `${what}/${check}`);
  if (what === "voucher") return own.length > 0 ? own : ["voucher/signature"];
  return ["receipt/signature".replace("receipt", what), ...own];
}

/** Less owed than the client knows of is taken; a price is more than the cap, or less than what is owed more. */
function checksOf(what: What, name: string, old: unknown, value: unknown): string[] {
  if (name === "cumulativeOwed" && BigInt(String(value)) < BigInt(String(old))) return [];
  if (name === "price" && BigInt(String(value)) > BigInt(String(old))) return ["price"];
  return [CHECK_OF[what][name] ?? []].flat();
}

function withField({ what, json }: Subject, name: string, value: string | number): StatementJson {
  return { ...json, [what]: { ...(json[what] as Fields), [name]: value } };
}

function changedField(random: Random, subject: Subject): Mutant {
  const name = random.pick(Object.keys(fieldsOf(subject)));
  const value = otherValue(random, name, fieldsOf(subject)[name] as string | number);
  const source = withField(subject, name, value);
  return { kind: "a field changed", source, reasons: reasonsOfChange(subject, name, value) };
}

/** The right key has signed it, so nothing but the field itself can be refused. */
async function liedAbout(random: Random, subject: Subject): Promise<Mutant> {
  const name = random.pick(Object.keys(CHECK_OF[subject.what]));
  const old = fieldsOf(subject)[name] as string | number;
  const value =
    name === "cumulativeOwed" ? String(BigInt(old) + 1n + BigInt(random.below(99))) : otherValue(random, name, old);
  const json = withField(subject, name, value);
  const source = { ...json, signature: await subject.sign(json, subject.key) };
  const reasons = checksOf(subject.what, name, old, value).map((check) => `${subject.what}/${check}`);
  return { kind: "a field changed and signed", source, reasons };
}

function exchanged(random: Random, subject: Subject, other: Subject): Mutant {
  const names = Object.keys(fieldsOf(subject)).filter((name) => fieldsOf(subject)[name] !== fieldsOf(other)[name]);
  const whole = random.below(3);
  if (whole === 0) {
    const reasons = [`${subject.what}/signature`];
    return { kind: "another's signature", source: { ...subject.json, signature: other.json.signature }, reasons };
  }
  if (whole === 1) {
    // Its price and what is owed are of one piece.
    const apart = names.filter((name) => !["price", "cumulativeOwed"].includes(name));
    const own = apart.flatMap((name) => CHECK_OF[subject.what][name] ?? []).map((check) => `${subject.what}/${check}`);
    return { kind: "another in its place", source: other.json, reasons: [...new Set(own)] };
  }
  const name = random.pick(names);
  const value = fieldsOf(other)[name] as string | number;
  return {
    kind: "a field of another",
    source: withField(subject, name, value),
    reasons: reasonsOfChange(subject, name, value),
  };
}

async function elsewhere(random: Random, subject: Subject): Promise<Mutant> {
  const { what, json } = subject;
  const change = random.pick<Partial<StatementJson>>([
    { chainId: 1 + random.below(31_336) },
    { verifyingContract: OTHER_ADDRESS },
    { verifyingContract: String(otherValue(random, "verifyingContract", json.verifyingContract)) },
  ]);
  const there = { ...json, ...change } as StatementJson;
  const way = random.below(3);
  if (way === 0) return { kind: "another domain", source: there, reasons: [`${what}/domain`] };
  const signature = await subject.sign(there, subject.key);
  return way === 1
    ? { kind: "another domain, signed for it", source: { ...there, signature }, reasons: [`${what}/domain`] }
    : { kind: "signed for another domain", source: { ...json, signature }, reasons: [`${what}/signature`] };
}

async function mutantOf(random: Random, subject: Subject, other: Subject): Promise<Mutant> {
  const { what, json } = subject;
  switch (random.below(15)) {
    case 0:
    case 1:
      return changedField(random, subject);
    case 2:
      return liedAbout(random, subject);
    case 3:
    case 4: {
      const { kind, signature } = otherSignature(random, json.signature);
      return { kind, source: { ...json, signature }, reasons: [`${what}/signature`] };
    }
    case 5:
      return exchanged(random, subject, other);
    case 6:
      return elsewhere(random, subject);
    case 7: {
      if (random.below(4) > 0) break;
      const signature = await subject.sign(json, STRANGER);
      return { kind: "a stranger's signature", source: { ...json, signature }, reasons: [`${what}/signature`] };
    }
  }
  const { kind, reason, source } = damaged(random, what, json);
  return { kind, source, reasons: [`${what}/${reason}`] };
}

describe(`${MUTANTS} mutants of receipts, parts and vouchers`, () => {
  let subjects: Subject[];

  before(async () => {
    const counters = Array.from({ length: CALLS }, (_, index) => BigInt(index + 1));
    subjects = await Promise.all(
      counters.flatMap((counter) => [receiptSubject(counter), partSubject(counter), voucherSubject(counter)]),
    );
  });

  it("come from statements that are accepted, parsed or as text", async () => {
    for (const { judge, json } of subjects) {
      expect(await judge(json)).to.deep.equal([]);
      expect(await judge(JSON.stringify(json))).to.deep.equal([]);
    }
  });

  it("R1: are refused, every one, for the reason that fits", async function () {
    this.timeout(60_000);
    const random = randomFrom(SEED);
    const [byKind, byReason] = [new Map<string, number>(), new Map<string, number>()];
    const count = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);
    for (let index = 0; index < MUTANTS; index++) {
      const subject = subjects[index % subjects.length] as Subject;
      const other = random.pick(subjects.filter((it) => it.what === subject.what && it !== subject));
      const mutant = await mutantOf(random, subject, other);
      const reasons = await subject.judge(mutant.source);
      const shown = `${index}: ${mutant.kind}: ${JSON.stringify(mutant.source)}`;
      expect(JSON.stringify(mutant.source), shown).not.to.equal(JSON.stringify(subject.json));
      expect(mutant.reasons, shown).not.to.deep.equal([]);
      expect(reasons, shown).to.include.members(mutant.reasons);
      count(byKind, mutant.kind);
      for (const reason of reasons) count(byReason, reason);
    }
    const sum = [...byKind.values()].reduce((total, kind) => total + kind, 0);
    expect(sum).to.equal(MUTANTS);
    expect(byKind.size).to.equal(31);
    expect(Math.min(...byKind.values()), JSON.stringify([...byKind])).to.be.at.least(100);
    expect([...byReason.keys()].sort()).to.deep.equal(REASONS.toSorted());
  });
});
