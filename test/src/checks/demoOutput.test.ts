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
  });

  it("tells of a demo that went as it should", () => {
    const faultOf = (change: object) => findFault(JSON.stringify({ ...GOOD, ...change }));
    expect(faultOf({ jobs: GOOD.jobs.slice(1) })).to.match(/^fewer than 20 pictures/);
    expect(faultOf({ jobs: GOOD.jobs.slice(0, -1) })).to.equal("no job was refunded");
    expect(faultOf({ operators: [HONEST] })).to.match(/^0 operators were slashed/);
    expect(faultOf({ operators: [HONEST, { ...LIAR, stakeAfter: "9" }] })).to.equal("a liar kept its stake");
    expect(faultOf({ operators: [{ ...HONEST, earned: "0" }, LIAR] })).to.match(/earned nothing$/);
    expect(faultOf({ escrow: { held: "7", owed: "8" } })).to.equal("the escrow holds 7 and owes 8");
  });
});
