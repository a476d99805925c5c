import { expect } from "chai";
import { startFakeBytedance } from "../../../../scripts/calls/providers/FakeBytedance.ts";
import type { FakeProvider } from "../../../../scripts/calls/providers/providerServer.ts";
import { PNG } from "../../../../scripts/calls/providers/reply.ts";
import type { Upstream } from "../../../../src/gateway/upstream.ts";
import { createBytedanceUpstream } from "../../../../src/gateway/upstreams/bytedance.ts";
import { expectApiError, unsupported } from "../../../support/apiErrors.ts";
import { chatOf, describeChats, requestOf, TOOL, tryProvider } from "../../../support/upstreamContract.ts";

const BYTEDANCE = {
  name: "bytedance",
  model: "seed-1-6-250615",
  start: startFakeBytedance,
  create: createBytedanceUpstream,
};

describe("chats with ByteDance", () => describeChats(BYTEDANCE));

describe("ByteDance", () => {
  let fake: FakeProvider;
  let upstream: Upstream;
  const chat = (fields: Record<string, unknown>) =>
    upstream.answer["/v1/chat/completions"]!(requestOf(BYTEDANCE.model, chatOf(BYTEDANCE, fields)));
  const draw = (more: Record<string, unknown>) =>
    upstream.answer["/v1/images/generations"]!(
      requestOf("seedream-4-0", { model: "bytedance/seedream-4-0", prompt: "a cat", ...more }),
    );

  beforeEach(async () => {
    ({ fake, upstream } = await tryProvider(BYTEDANCE));
  });
  afterEach(() => fake.close());

  it("gets every field that it takes, under the operator's key", async () => {
    const fields = {
      ...{ temperature: 0.5, top_p: 0.9, frequency_penalty: 0.1, presence_penalty: 0.2, stop: ["x"], max_tokens: 9 },
      ...{ tools: [TOOL], tool_choice: "auto", parallel_tool_calls: true, reasoning_effort: "low" },
    };
    await chat(fields);
    const messages = [{ role: "user", content: "hello there" }];
    expect(fake.last?.body).to.deep.equal({ model: BYTEDANCE.model, messages, ...fields });
    expect(fake.last?.headers.authorization).to.match(/^Bearer operators-own-key/);
  });

  for (const [field, value] of [
    ["seed", 4],
    ["user", "someone"],
    ["metadata", { a: "b" }],
  ] as const) {
    it(`refuses ${field}, which it can't take`, async () => {
      await expectApiError(unsupported(field), () => chat({ [field]: value }));
      expect(fake.requests).to.equal(0);
    });
  }

  it("draws a picture", async () => {
    const { body, served } = await draw({ size: "1024x1024", output_format: "png" });
    const sent = {
      model: "seedream-4-0",
      prompt: "a cat",
      size: "1024x1024",
      output_format: "png",
      response_format: "b64_json",
    };
    expect(fake.last?.body).to.deep.equal(sent);
    expect(body.data).to.deep.equal([{ b64_json: PNG }]);
    expect(served.outputUnits).to.equal(1n);
  });

  for (const [field, value] of [
    ["n", 2],
    ["quality", "hd"],
    ["output_format", "webp"],
  ] as const) {
    it(`refuses to draw with ${field} ${value}`, async () => {
      await expectApiError(unsupported(field), () => draw({ [field]: value }));
      expect(fake.requests).to.equal(0);
    });
  }
});
