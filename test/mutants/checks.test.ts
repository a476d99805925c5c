import { expect } from "chai";
import { allChecks, callsTests, tryWithout } from "../support/mutants/campaign.ts";
import { createScratch, type Scratch } from "../support/mutants/scratch.ts";
import { sampleOf } from "../support/sample.ts";

/** How many of the checks are taken out here; `npm run bench:checks` takes out each of them. */
const SAMPLE = 4;
const SEED = 20_261_121;

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

  for (const check of sampleOf(allChecks(), SAMPLE, SEED)) {
    it(`is found: ${check.source.file}:${check.line} ${check.check}`, async () => {
      const { foundBy } = await tryWithout(check, scratch);
      expect(foundBy).to.not.deep.equal([]);
    });
  }
});
