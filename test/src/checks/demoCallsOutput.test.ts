import { expect } from "chai";
import { findCallsFault } from "../../../scripts/checks/demoCallsOutput.ts";

const GOOD = {
  ...{ calls: 200, answered: 200, refusedTampered: 9, retried: 30 },
  receipts: { issued: 300, anchored: 300, proven: 300 },
  channels: { held: "12", owed: "12" },
  durationMs: 90_000,
};

describe("the standard output of the demo of calls", () => {
  it("is one JSON object and nothing else", () => {
    expect(findCallsFault(`${JSON.stringify(GOOD)}\n`)).to.equal(undefined);
    expect(findCallsFault(`compiling\n${JSON.stringify(GOOD)}\n`)).to.match(/^not one JSON value/);
    expect(findCallsFault("")).to.match(/^not one JSON value/);
  });

  for (const change of [
    { receipts: { issued: 300, anchored: 300 } },
    { channels: { held: 12, owed: 12 } },
    { calls: -1 },
    { more: 1 },
    { durationMs: undefined },
  ]) {
    it(`has the documented form, and not this in it: ${JSON.stringify(change)}`, () => {
      expect(findCallsFault(JSON.stringify({ ...GOOD, ...change }))).to.equal("of another form than documented");
    });
  }

  it("tells of a demo that went as it should", () => {
    const faultOf = (change: object) => findCallsFault(JSON.stringify({ ...GOOD, ...change }));
    expect(faultOf({ answered: 199 })).to.match(/^199 of 200/);
    expect(faultOf({ calls: 100, answered: 100 })).to.match(/^100 of 100/);
    expect(faultOf({ refusedTampered: 0 })).to.match(/^no altered answer/);
    expect(faultOf({ retried: 8 })).to.match(/^9 answers were refused, and only 8/);
    expect(faultOf({ receipts: { issued: 199, anchored: 199, proven: 199 } })).to.match(/^there are 199 receipts/);
    expect(faultOf({ receipts: { issued: 300, anchored: 299, proven: 300 } })).to.match(/^of 300 receipts 299/);
    expect(faultOf({ receipts: { issued: 300, anchored: 300, proven: 299 } })).to.match(/299 proven$/);
    expect(faultOf({ channels: { held: "0", owed: "0" } })).to.equal("the voucher escrow holds nothing");
    expect(faultOf({ channels: { held: "12", owed: "11" } })).to.equal("the voucher escrow holds 12 and owes 11");
  });
});
