import { expect } from "chai";
import { countTests } from "../../../scripts/checks/countTests.ts";

const green = (text: string): string => `\u001b[32m${text}\u001b[39m`;
const ALL_GREEN = `Running Solidity tests\n\n  ${green("7 passing")}\n\n  5 passing (2s)\n\n  3 passing (1m)\n  2 pending\n`;

describe("test counting", () => {
  it("adds the figures of both runners", () => {
    expect(countTests(ALL_GREEN, 0, 3)).to.deep.equal({ passed: 15, failed: 0 });
  });

  it("takes failing tests as they are counted", () => {
    expect(countTests("  7 passing\n  2 failing\n", 1, 3)).to.deep.equal({ passed: 7, failed: 2 });
  });

  it("counts a run that broke without a failing test as one failure", () => {
    expect(countTests("Error HHE27\n", 1, 3)).to.deep.equal({ passed: 0, failed: 1 });
    expect(countTests(ALL_GREEN, 1, 3)).to.deep.equal({ passed: 15, failed: 1 });
  });

  it("counts a suite that is missing or empty as one failure, even when the run was green", () => {
    expect(countTests("", 0, 3)).to.deep.equal({ passed: 0, failed: 1 });
    expect(countTests("  7 passing\n  0 passing (1ms)\n  3 passing\n", 0, 3)).to.deep.equal({ passed: 10, failed: 1 });
  });

  it("isn't misled by figures inside other lines", () => {
    const noise = "  ✔ sees 40 passing cars\n  40 passing cars\n  1 passing (2ms)\n";
    expect(countTests(noise, 0, 1)).to.deep.equal({ passed: 1, failed: 0 });
  });
});
