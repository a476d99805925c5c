import { expect } from "chai";
import { type Hex, keccak256, toHex } from "viem";
import { contradiction, type Link, linksBack, type Statement } from "../../../src/protocol/contradiction.ts";
import { extendRunningHash, type Part, partHash, type Receipt } from "../../../src/protocol/receipt.ts";
import { callOf, SALT } from "../../support/statements.ts";

const { receipt: RECEIPT, stream, parts, requestHash } = callOf();
const HASHES = parts.map((bytes, index) => partHash(SALT, index, bytes));
const WORD = keccak256("0x77");
const part = (index: number, change: Partial<Part> = {}) => ({ part: { ...(stream[index] as Part), ...change } });
const receipt = (change: Partial<Receipt> = {}) => ({ receipt: { ...RECEIPT, ...change } });
const links = (lastIndex: number, index: number) => linksBack(requestHash, HASHES, lastIndex, index);

/** The function that shows it, or why there is nothing to show; the same in either order. */
function verdict(a: Statement, b: Statement, given: readonly Link[]): string {
  const said = [contradiction(a, b, given), contradiction(b, a, given)].map((it) => (it.found ? it.show : it.why));
  expect(said[0]).to.equal(said[1]);
  return said[0] as string;
}

describe("a contradiction", () => {
  it("is only between statements of one operator, channel and sequence", () => {
    for (const change of [{ operatorId: 8 }, { channelId: WORD }, { sequence: 1n }]) {
      expect(verdict(receipt(), receipt(change), [])).to.equal("other-sequence");
      expect(verdict(receipt(), part(3, { ...change, runningHash: WORD }), [])).to.equal("other-sequence");
      expect(verdict(part(3, { runningHash: WORD }), part(3, change), [])).to.equal("other-sequence");
    }
  });

  it("is in two receipts that differ anywhere", () => {
    expect(verdict(receipt(), receipt(), [])).to.equal("no-contradiction");
    const others: Partial<Receipt>[] = [
      { payer: `0x${"01".repeat(20)}` },
      { model: "b" },
      { servedModel: "b" },
      { requestHash: WORD },
      { responseRoot: WORD },
      { partCount: 1 },
      { inputUnits: 0n },
      { outputUnits: 0n },
      { price: 0n },
      { cumulativeOwed: 0n },
      { issuedAt: 0 },
    ];
    for (const change of others) expect(verdict(receipt(), receipt(change), [])).to.equal("showReceipts");
  });

  it("is in a part after a receipt's last one, whatever it says", () => {
    expect(verdict(receipt(), part(3, { index: 4 }), [])).to.equal("showReceiptAndPart");
    expect(verdict(receipt(), part(3, { index: 2 ** 32 - 1 }), [])).to.equal("showReceiptAndPart");
    expect(verdict(receipt({ partCount: 0 }), part(0), [])).to.equal("showReceiptAndPart");
    expect(verdict(receipt(), part(3), [])).to.equal("no-contradiction");
  });

  it("isn't in a prefix: a receipt or a part that goes on where another part ended", () => {
    for (let index = 0; index < 4; index++) {
      expect(verdict(receipt(), part(index), links(3, index))).to.equal("no-contradiction");
      for (let later = index; later < 4; later++) {
        expect(verdict(part(later), part(index), links(later, index))).to.equal("no-contradiction");
      }
    }
  });

  it("is in a running hash that went another way", () => {
    for (let index = 0; index < 4; index++) {
      const other = part(index, { runningHash: WORD });
      expect(verdict(receipt(), other, links(3, index))).to.equal("showReceiptAndPart");
      for (let later = index; later < 4; later++) {
        if (later === index) expect(verdict(part(later), other, [])).to.equal("showParts");
        else expect(verdict(part(later), other, links(later, index))).to.equal("showParts");
      }
    }
  });

  it("has the later part first, as the contract takes them", () => {
    const [later, other] = [part(3), part(1, { runningHash: WORD })];
    for (const pair of [
      [later, other],
      [other, later],
    ] as const) {
      const found = contradiction(...pair, links(3, 1));
      expect(found).to.deep.equal({ found: true, show: "showParts", statements: [later, other] });
    }
  });

  it("takes as many links as the indices differ, each leading to the one before", () => {
    const other = part(1, { runningHash: WORD });
    const right = links(3, 1);
    expect(right.length).to.equal(2);
    for (const wrong of [[], right.slice(0, 1), [...right, ...right]]) {
      expect(verdict(part(3), other, wrong)).to.equal("wrong-link-count");
      expect(verdict(receipt(), other, wrong)).to.equal("wrong-link-count");
    }
    for (const wrong of [[...right].reverse(), right.map((link) => ({ ...link, partHash: WORD }))]) {
      expect(verdict(part(3), other, wrong)).to.equal("broken-link");
      expect(verdict(receipt(), other, wrong)).to.equal("broken-link");
    }
    expect(verdict(receipt({ responseRoot: WORD }), part(1), right)).to.equal("broken-link");
  });

  it("is found with links of the other way too", () => {
    const otherHashes = [HASHES[0] as Hex, partHash(SALT, 1, toHex("x")), partHash(SALT, 2, toHex("y"))];
    const last = otherHashes.reduce(extendRunningHash, requestHash);
    const other = part(2, { runningHash: last });
    expect(verdict(other, part(1), linksBack(requestHash, otherHashes, 2, 1))).to.equal("showParts");
    expect(verdict(other, part(0), linksBack(requestHash, otherHashes, 2, 0))).to.equal("no-contradiction");
  });
});
