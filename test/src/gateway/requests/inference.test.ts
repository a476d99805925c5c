import { expect } from "chai";
import { inferenceForm, parseInferenceRequest } from "../../../../src/gateway/requests/inference.ts";
import { expectApiError, invalid, unsupported } from "../../../support/apiErrors.ts";

const model = "onnx/iris";

describe("the form of an inference request", () => {
  it("takes bytes or numbers, and counts at most an element a byte", () => {
    const bytes = parseInferenceRequest({ model, input: Buffer.from([51, 35, 14, 2]).toString("base64") });
    const numbers = parseInferenceRequest({ model, inputs: { a: [51, 35], b: [14, 2] } });
    expect(inferenceForm.inputUnitsAtMost(bytes)).to.equal(4n);
    expect(inferenceForm.inputUnitsAtMost(numbers)).to.equal(4n);
    expect(inferenceForm.maxOutputOf(bytes)).to.equal(undefined);
  });

  it("refuses what it doesn't know", async () => {
    await expectApiError(unsupported("stream"), () => parseInferenceRequest({ model, input: "AAAA", stream: true }));
  });

  const malformed: [string, object][] = [
    ["input", { model }],
    ["input", { model, input: "AAAA", inputs: { a: [1] } }],
    ["input", { model, input: "AAA" }],
    ["input", { model, input: "A A=" }],
    ["inputs.a", { model, inputs: { a: [] } }],
    ["inputs.a[1]", { model, inputs: { a: [1, "2"] } }],
  ];
  for (const [param, body] of malformed) {
    it(`refuses ${JSON.stringify(body)}`, async () => {
      await expectApiError(invalid(param), () => parseInferenceRequest(body));
    });
  }
});
