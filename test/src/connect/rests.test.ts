import { expect } from "chai";
import { createRests } from "../../../src/connect/rests.ts";

describe("operators that fail", () => {
  let now: number;
  beforeEach(() => {
    now = 0;
  });
  const restsNow = () => createRests(() => now);

  it("rest twice as long after each failure in a row, up to five minutes", () => {
    const rests = restsNow();
    const lasting: number[] = [];
    for (let failures = 0; failures < 11; failures++) {
      rests.failed(1, now, 1);
      const failedAt = now;
      while (rests.of(1) === "resting") now += 500;
      lasting.push((now - failedAt) / 1_000);
    }
    expect(lasting).to.deep.equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  it("may be tried again after it, and are as good as others once they have answered", () => {
    const rests = restsNow();
    expect(rests.of(1)).to.equal("none");
    rests.failed(1, now, 1);
    expect([rests.of(1), rests.of(2)]).to.deep.equal(["resting", "none"]);
    now += 1_000;
    expect(rests.of(1)).to.equal("over");
    rests.succeeded(1);
    expect(rests.of(1)).to.equal("none");
  });

  it("rest once for all questions that were under way when they failed", () => {
    const rests = restsNow();
    now = 100;
    for (let question = 0; question < 50; question++) rests.failed(1, 50, 1);
    now += 1_000;
    expect(rests.of(1)).to.equal("over");
  });

  it("rest longer at once when the failure weighs as several", () => {
    const rests = restsNow();
    rests.failed(1, now, 7);
    now += 63_000;
    expect(rests.of(1)).to.equal("resting");
    now += 1_000;
    expect(rests.of(1)).to.equal("over");
  });
});
