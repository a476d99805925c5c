import { expect } from "chai";
import { drawSeats } from "../../../src/connect/seats.ts";

const OPG = 10n ** 18n;
const ANY = { price: 100n, cap: 100n, latencyMs: 200, failures: 0, rest: "none" as const, bond: 1_000n * OPG };

describe("who sits in a quorum", () => {
  /** How often each of the candidates is among the first so many, of a thousand draws. */
  function timesDrawn(count: number, ...changes: Partial<typeof ANY>[]): number[] {
    const candidates = changes.map((change, index) => ({ ...ANY, operatorId: index, ...change }));
    const times = candidates.map(() => 0);
    for (let draw = 0; draw < 1_000; draw++) {
      for (const { operatorId } of drawSeats(candidates).slice(0, count))
        times[operatorId] = (times[operatorId] ?? 0) + 1;
    }
    return times;
  }

  it("is nobody more often for being cheap", () => {
    for (const times of timesDrawn(3, { price: 1n }, { price: 1n }, {}, {}, {})) expect(times).to.be.within(500, 700);
  });

  it("is each as often as its bond is large", () => {
    const [large = 0, small = 0] = timesDrawn(1, { bond: 3_000n * OPG }, {});
    expect(large).to.be.within(680, 820);
    expect(large + small).to.equal(1_000);
    expect(timesDrawn(1, { bond: 0n }, {})[0]).to.be.below(5);
  });

  it("is none that rests, is beyond the app's price or far beyond the usual one, while there are others", () => {
    expect(timesDrawn(2, { rest: "resting" as never }, {}, {})[0]).to.equal(0);
    expect(timesDrawn(2, { cap: 99n }, {}, {})[0]).to.equal(0);
    expect(timesDrawn(2, { price: 10_000n, cap: 10_000n }, {}, {})[0]).to.equal(0);
    expect(timesDrawn(3, { cap: 99n }, {}, {})[0]).to.equal(1_000);
  });

  it("is drawn by the chance that is given", () => {
    const candidates = [1, 2, 3].map((operatorId) => ({ ...ANY, operatorId }));
    const chances = [0.2, 0.9, 0.5];
    const drawn = drawSeats(candidates, () => chances.shift() ?? 1);
    expect(drawn.map(({ operatorId }) => operatorId)).to.deep.equal([2, 3, 1]);
  });
});
