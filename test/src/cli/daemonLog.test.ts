import { expect } from "chai";
import { seldom } from "../../../src/cli/daemonLog.ts";

describe("the log of what is tried again", () => {
  const saidOf = (...messages: string[]) => {
    const said: string[] = [];
    const say = seldom(({ reason }) => said.push(reason));
    for (const message of messages) say(new Error(message));
    return said;
  };

  it("says the same again only once in a while, also when it takes turns with others", () => {
    expect(saidOf("a", "a", "b", "a", "b", "c", "a")).to.deep.equal(["a", "b", "c"]);
  });

  it("remembers no more than a few", () => {
    const many = Array.from({ length: 32 }, (_, index) => `other ${index}`);
    expect(saidOf("a", ...many, "a")).to.deep.equal(["a", ...many, "a"]);
    expect(saidOf("a", ...many.slice(1), "a")).to.deep.equal(["a", ...many.slice(1)]);
  });

  it("says it in one line, with nothing that moves a cursor", () => {
    expect(saidOf("a\u001b[2J\nb")).to.deep.equal(["a [2J b"]);
  });
});
