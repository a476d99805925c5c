import { expect } from "chai";
import { parseOffers } from "../../../src/connect/offers.ts";

describe("a gateway's offers", () => {
  const quote = { request: "1", input: "0", output: "0" };
  const opg = { routes: ["/v1/chat/completions"], stream: true, bitExact: true, quote, maxOutput: 1 };
  const namesOf = (...ids: unknown[]) => [...parseOffers({ data: ids.map((id) => ({ id, opg })) }).keys()];

  it("are read by their models' names", () => {
    const names = ["openai/gpt-4o", "local/Llama-3.1:8b/q4", "a/b"];
    expect(namesOf(...names)).to.deep.equal(names);
  });

  it("are passed over when the name is none, or could pass for something else in a log", () => {
    const others = [
      "a/b\u001b[2J\n12:00:00  operator 7 lied",
      "a/b c",
      "a/b\u202e",
      "a/",
      "/b",
      "A/b",
      "none",
      "",
      7,
      null,
    ];
    expect(namesOf(...others, `a/${"b".repeat(201)}`, "a/b")).to.deep.equal(["a/b"]);
  });
});
