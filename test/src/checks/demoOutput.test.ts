import { expect } from "chai";
import { findFault } from "../../../scripts/checks/demoOutput.ts";

const GAS = { open: 1, commit: [1], reveal: [1], settle: 1, refund: null, total: 4 };
const JOB = { jobId: "0x", model: "digits", predicted: "1", expected: "1", status: "settled", committee: [], gas: GAS };
const HONEST = { address: "0x", stakeBefore: "9", stakeAfter: "9", earned: "5", slashed: "0" };
const LIAR = { ...HONEST, stakeAfter: "8", earned: "0", slashed: "1" };
const GOOD = {
  chainId: 31337,
  jobs: [
    ...Array.from({ length: 20 }, () => JOB),
    ...Array.from({ length: 10 }, () => ({ ...JOB, model: "iris" })),
    { ...JOB, status: "refunded" },
  ],
  operators: [HONEST, HONEST, LIAR],
  escrow: { held: "7", owed: "7" },
  calls: {
    channels: 2,
    receipts: { issued: 1_000, checked: 1_000, anchored: 999, verified: 3 },
    equivocations: 1,
    omissions: { challenged: 2, answered: 1, upheld: 1 },
    claimedLate: "6",
    operators: [
      { operatorId: 4, earned: "6", slashed: "0" },
      { operatorId: 5, earned: "4", slashed: "110" },
    ],
    payers: [
      { paid: "6", returned: "14", remaining: "0" },
      { paid: "4", returned: "0", remaining: "16" },
    ],
    vouchers: { held: "16", owed: "16" },
    bonds: { held: "0", owed: "0" },
  },
  durationMs: 1,
};

describe("the demo's standard output", () => {
  it("is one JSON object and nothing else", () => {
    expect(findFault(`${JSON.stringify(GOOD)}\n`)).to.equal(undefined);
    expect(findFault(`compiling\n${JSON.stringify(GOOD)}\n`)).to.match(/not one JSON value/);
    expect(findFault("[]")).to.equal("not a JSON object");
    expect(findFault("")).to.match(/not one JSON value/);
  });

  it("has the documented form", () => {
    expect(findFault("{}")).to.equal("other keys than documented");
    const { settle: _, ...gas } = GAS;
    expect(findFault(JSON.stringify({ ...GOOD, jobs: [{ ...JOB, gas }] }))).to.match(/^jobs of another form/);
    expect(findFault(JSON.stringify({ ...GOOD, operators: [{}] }))).to.match(/^operators of another form/);
    expect(findFault(JSON.stringify({ ...GOOD, calls: {} }))).to.match(/^calls of another form/);
  });

  it("tells of a demo that went as it should", () => {
    const faultOf = (change: object) => findFault(JSON.stringify({ ...GOOD, ...change }));
    expect(faultOf({ jobs: GOOD.jobs.slice(1) })).to.match(/^fewer than 20 pictures/);
    expect(faultOf({ jobs: GOOD.jobs.slice(0, -1) })).to.equal("no job was refunded");
    expect(faultOf({ operators: [HONEST] })).to.match(/^0 operators were slashed/);
    expect(faultOf({ operators: [HONEST, { ...LIAR, stakeAfter: "9" }] })).to.equal("a liar kept its stake");
    expect(faultOf({ operators: [{ ...HONEST, earned: "0" }, LIAR] })).to.match(/earned nothing$/);
    const callsFault = (change: object) => faultOf({ calls: { ...GOOD.calls, ...change } });
    expect(callsFault({ channels: 1 })).to.match(/^not 1,000 receipts/);
    expect(callsFault({ receipts: { ...GOOD.calls.receipts, anchored: 1_000 } })).to.match(
      /^1000 receipts are anchored/,
    );
    expect(callsFault({ equivocations: 0 })).to.match(/^0 equivocations/);
    expect(callsFault({ omissions: { challenged: 2, answered: 2, upheld: 0 } })).to.match(/^not one omission/);
    expect(callsFault({ claimedLate: "0" })).to.equal("nothing was claimed late");
    expect(callsFault({ operators: [] })).to.equal("not one operator of calls was slashed");
    expect(callsFault({ vouchers: { held: "16", owed: "15" } })).to.equal("the voucher escrow holds 16 and owes 15");
    expect(callsFault({ bonds: { held: "1", owed: "1" } })).to.equal("the receipt log holds 1 and owes 1");
    expect(callsFault({ vouchers: { held: "17", owed: "17" } })).to.match(/^the channels have 16 left/);
    expect(faultOf({ escrow: { held: "7", owed: "8" } })).to.equal("the escrow holds 7 and owes 8");
  });
});
