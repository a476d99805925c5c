import { expect } from "chai";
import { findFault } from "../../../scripts/checks/demoOutput.ts";

describe("demo output check", () => {
  it("takes one JSON object", () => {
    expect(findFault('{"jobs":1}\n')).to.equal(undefined);
  });

  it("refuses anything before, after or instead of it", () => {
    expect(findFault('setup done\n{"jobs":1}')).to.match(/^not one JSON value/);
    expect(findFault('{"jobs":1}\n{"jobs":2}')).to.match(/^not one JSON value/);
    expect(findFault("")).to.match(/^not one JSON value/);
    expect(findFault("[1]")).to.equal("not a JSON object");
    expect(findFault("{}")).to.equal("an empty object");
  });
});
