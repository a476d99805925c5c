import { expect } from "chai";
import { type Hex, keccak256, toHex } from "viem";
import { type Check, requireAllOk } from "../../../src/protocol/check.ts";
import { afterPart, checkPart, type PartExpectation, startOfStream } from "../../../src/protocol/checkPart.ts";
import type { Part } from "../../../src/protocol/receipt.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import {
  callOf,
  NOW,
  OTHER_ADDRESS,
  RECEIPT_DOMAIN,
  RECEIPTS,
  SALT,
  SIGNER,
  STRANGER,
  signPart,
} from "../../support/statements.ts";

const NAMES = ["signature", "operator", "channel", "sequence", "index", "running-hash", "time"];
const { stream, parts, requestHash, receipt } = callOf();
const [FIRST, SECOND] = stream as [Part, Part];
const EXPECTED: PartExpectation = {
  domain: RECEIPT_DOMAIN,
  signer: SIGNER.address,
  operatorId: 7,
  channelId: receipt.channelId,
  sequence: receipt.sequence,
  salt: SALT,
  place: afterPart(startOfStream(requestHash), SALT, parts[0] as Hex),
  bytes: parts[1] as Hex,
  clock: { now: NOW, clockToleranceSeconds: 5 },
};

const failed = (checks: readonly Check[]) => checks.filter(({ ok }) => !ok).map(({ name }) => name);

async function failedFor(change: Partial<Part>, expected: Partial<PartExpectation> = {}): Promise<string[]> {
  return failed(await checkPart(await signPart({ ...SECOND, ...change }), { ...EXPECTED, ...expected }));
}

describe("a part's checks", () => {
  it("are well for each part of a stream in turn, and lead to what the receipt says", async () => {
    let place = startOfStream(requestHash);
    for (const [index, part] of stream.entries()) {
      const bytes = parts[index] as Hex;
      const checks = await checkPart(await signPart(part), { ...EXPECTED, place, bytes });
      expect(checks.map(({ name }) => name)).to.deep.equal(NAMES);
      requireAllOk("part", checks);
      place = afterPart(place, SALT, bytes);
    }
    expect(place).to.deep.equal({ nextIndex: receipt.partCount, runningHash: receipt.responseRoot });
  });

  it("leave out the sequence before the first part has come, and the time without a clock", async () => {
    const { sequence: _, clock: __, ...rest } = EXPECTED;
    const checks = await checkPart(await signPart(SECOND), rest);
    expect(checks.map(({ name }) => name)).to.deep.equal(NAMES.filter((name) => !["sequence", "time"].includes(name)));
    expect(failed(checks)).to.deep.equal([]);
  });

  it("fail one by one when the operator signs something else", async () => {
    const cases: [Partial<Part>, string][] = [
      [{ operatorId: 8 }, "operator"],
      [{ channelId: requestHash }, "channel"],
      [{ sequence: receipt.sequence - 1n }, "sequence"],
      [{ index: 0 }, "index"],
      [{ index: 2 }, "index"],
      [{ runningHash: FIRST.runningHash }, "running-hash"],
      [{ issuedAt: NOW + 6 }, "time"],
      [{ issuedAt: NOW - 6 }, "time"],
    ];
    for (const [change, name] of cases) expect(await failedFor(change), name).to.deep.equal([name]);
    for (const issuedAt of [NOW - 5, NOW + 5]) expect(await failedFor({ issuedAt })).to.deep.equal([]);
  });

  it("fail for other bytes, another salt, a part sent twice or left out", async () => {
    expect(await failedFor({}, { bytes: toHex("llO") })).to.deep.equal(["running-hash"]);
    expect(await failedFor({}, { bytes: "0x" })).to.deep.equal(["running-hash"]);
    expect(await failedFor({}, { salt: keccak256(SALT) })).to.deep.equal(["running-hash"]);
    const twice = afterPart(EXPECTED.place, SALT, EXPECTED.bytes);
    expect(await failedFor({}, { place: twice })).to.deep.equal(["index", "running-hash"]);
    expect(await failedFor({}, { place: startOfStream(requestHash) })).to.deep.equal(["index", "running-hash"]);
  });

  it("R1: name the domain first, if the part says which it is for", async () => {
    const signed = await signPart(SECOND);
    expect(failed(await checkPart({ ...signed, domain: RECEIPT_DOMAIN }, EXPECTED))).to.deep.equal([]);
    const domain = { chainId: 1, receipts: RECEIPTS } as const;
    expect(failed(await checkPart({ ...signed, domain }, EXPECTED))).to.deep.equal(["domain"]);
  });

  it("R1: fail by the signature under another key, chain or log", async () => {
    const bad = [
      await signPart(SECOND, { key: STRANGER }),
      await signPart(SECOND, { domain: { chainId: 1, receipts: RECEIPTS } }),
      await signPart(SECOND, { domain: { chainId: 31_337, receipts: OTHER_ADDRESS } }),
    ];
    for (const signed of bad) expect(failed(await checkPart(signed, EXPECTED))).to.deep.equal(["signature"]);
    await expectProtocolError("part/signature", async () =>
      requireAllOk("part", await checkPart(bad[0] as (typeof bad)[number], EXPECTED)),
    );
  });
});
