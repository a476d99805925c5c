import { expect } from "chai";
import { embeddingForm, parseEmbeddingRequest } from "../../../../src/gateway/requests/embeddings.ts";
import { expectApiError, invalid, unsupported } from "../../../support/apiErrors.ts";

const model = "openai/text-embedding-3-small";

describe("the form of an embedding request", () => {
  it("takes a text or a list of them", () => {
    const one = parseEmbeddingRequest({ model, input: "four", encoding_format: "base64", dimensions: 3, user: "u" });
    const two = parseEmbeddingRequest({ model, input: ["four", "five5"] });
    expect(Number(embeddingForm.inputUnitsAtMost(one))).to.be.within(4, 12);
    expect(Number(embeddingForm.inputUnitsAtMost(two))).to.be.within(9, 20);
    expect(embeddingForm.maxOutputOf(one)).to.equal(0);
    expect(embeddingForm.asksForStream(one)).to.equal(false);
  });

  it("refuses what it doesn't know", async () => {
    await expectApiError(unsupported("task"), () => parseEmbeddingRequest({ model, input: "a", task: "x" }));
  });

  const malformed: [string, object][] = [
    ["input", { model }],
    ["input", { model, input: [] }],
    ["input", { model, input: "" }],
    ["input[1]", { model, input: ["a", 4] }],
    ["encoding_format", { model, input: "a", encoding_format: "hex" }],
    ["dimensions", { model, input: "a", dimensions: 1.5 }],
  ];
  for (const [param, body] of malformed) {
    it(`refuses ${JSON.stringify(body)}`, async () => {
      await expectApiError(invalid(param), () => parseEmbeddingRequest(body));
    });
  }
});
