import { readFileSync } from "node:fs";
import { expect } from "chai";
import { vectorFiles } from "../../../scripts/vectors/cases.ts";

const LEAST_CASES = 200;
const files = await vectorFiles();
const folder = new URL("../../vectors/", import.meta.url);

/** The Solidity tests check the same files against the contracts' libraries. */
describe("the vectors both suites read", () => {
  for (const [name, computed] of Object.entries(files)) {
    it(`${name}: what is committed is what this code computes, case by case`, () => {
      const committed = JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as typeof computed;
      expect(Object.keys(committed)).to.deep.equal(Object.keys(computed));
      let columns = 0;
      for (const [column, values] of Object.entries(computed)) {
        expect(committed[column], column).to.deep.equal(values);
        if (typeof values === "string") continue;
        expect(values.length, column).to.be.at.least(LEAST_CASES);
        columns++;
      }
      expect(columns).to.be.greaterThan(0);
    });
  }
});
