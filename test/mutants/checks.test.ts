import { expect } from "chai";
import { allChecks, type Check, callsTests, tryWithout } from "../support/mutants/campaign.ts";
import { createScratch, type Scratch } from "../support/mutants/scratch.ts";

/** How many of the checks are taken out here; `npm run bench:checks` takes out each of them. */
const SAMPLE = 4;
const SEED = 20_261_121;

/** So many of them, a different lot for each seed. */
function sampleOf(checks: Check[], seed: number): Check[] {
  const pool = [...checks];
  let state = seed;
  return Array.from({ length: SAMPLE }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return pool.splice((state >>> 8) % pool.length, 1)[0] as Check;
  });
}

describe("a check taken out of the contracts for calls", function () {
  this.timeout(300_000);
  let scratch: Scratch;

  before(async () => {
    scratch = await createScratch();
  });
  after(() => scratch.remove());

  it("isn't, in the contracts as they are", async () => {
    const { passed, failed } = await scratch.test(await callsTests(), true);
    expect(failed).to.deep.equal([]);
    expect(passed).to.be.greaterThan(50);
  });

  for (const check of sampleOf(allChecks(), SEED)) {
    it(`is found: ${check.source.file}:${check.line} ${check.check}`, async () => {
      const { foundBy } = await tryWithout(check, scratch);
      expect(foundBy).to.not.deep.equal([]);
    });
  }
});
