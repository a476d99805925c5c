import { expect } from "chai";
import { imageForm, parseImageRequest } from "../../../../src/gateway/requests/images.ts";
import { expectApiError, invalid, unsupported } from "../../../support/apiErrors.ts";

const CAT = { model: "openai/gpt-image-1", prompt: "a cat" };

describe("the form of an image request", () => {
  it("takes a prompt and how to draw it; units of output are pictures", () => {
    const more = { n: 3, size: "1024x1024", quality: "low", background: "opaque", output_format: "png" };
    const request = parseImageRequest({ ...CAT, ...more, response_format: "b64_json", user: "u" });
    expect(imageForm.maxOutputOf(request)).to.equal(3);
    expect(imageForm.maxOutputOf(parseImageRequest(CAT))).to.equal(1);
    expect(imageForm.inputUnitsAtMost(request) >= 5n).to.equal(true);
  });

  it("refuses an answer by URL, which no receipt would cover, and what it doesn't know", async () => {
    await expectApiError(unsupported("response_format"), () => parseImageRequest({ ...CAT, response_format: "url" }));
    await expectApiError(unsupported("stream"), () => parseImageRequest({ ...CAT, stream: true }));
  });

  for (const [param, more] of [
    ["prompt", { prompt: "" }],
    ["n", { n: 11 }],
    ["size", { size: "large" }],
    ["quality", { quality: "best" }],
  ] as const) {
    it(`refuses a ${param} that is ${JSON.stringify(more)}`, async () => {
      await expectApiError(invalid(param), () => parseImageRequest({ ...CAT, ...more }));
    });
  }
});
