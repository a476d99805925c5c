import { expect } from "chai";
import { completionForm, parseCompletionRequest } from "../../../../src/gateway/requests/completions.ts";
import { expectApiError, invalid, unsupported } from "../../../support/apiErrors.ts";

const ONCE = { model: "local/llama", prompt: "Once upon a time" };

describe("the form of a completion request", () => {
  it("takes a prompt and how to continue it", () => {
    const body = { ...ONCE, suffix: "end", temperature: 1, max_tokens: 9, stop: "\n", stream: true, user: "u" };
    const request = parseCompletionRequest(body);
    expect(request).to.equal(body);
    expect(completionForm.maxOutputOf(request)).to.equal(9);
    expect(completionForm.asksForStream(request)).to.equal(true);
    expect(Number(completionForm.inputUnitsAtMost(request))).to.be.within(19, 40);
  });

  for (const [param, more] of [
    ["echo", { echo: true }],
    ["best_of", { best_of: 2 }],
    ["n", { n: 3 }],
  ] as const) {
    it(`refuses ${param}`, async () => {
      await expectApiError(unsupported(param), () => parseCompletionRequest({ ...ONCE, ...more }));
    });
  }

  it("refuses several prompts, and tokens for one", async () => {
    await expectApiError(invalid("prompt"), () => parseCompletionRequest({ ...ONCE, prompt: ["a", "b"] }));
    await expectApiError(invalid("prompt"), () => parseCompletionRequest({ ...ONCE, prompt: [1, 2] }));
  });
});
