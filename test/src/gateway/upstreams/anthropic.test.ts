import { expect } from "chai";
import { startFakeAnthropic } from "../../../../scripts/calls/providers/FakeAnthropic.ts";
import type { FakeProvider } from "../../../../scripts/calls/providers/providerServer.ts";
import type { Upstream } from "../../../../src/gateway/upstream.ts";
import { createAnthropicUpstream } from "../../../../src/gateway/upstreams/anthropic.ts";
import { expectApiError, unsupported } from "../../../support/apiErrors.ts";
import { chatOf, describeChats, requestOf, TOOL, tryProvider } from "../../../support/upstreamContract.ts";

const ANTHROPIC = {
  name: "anthropic",
  model: "claude-sonnet-4-5",
  start: startFakeAnthropic,
  create: createAnthropicUpstream,
};

describe("chats with Anthropic", () => describeChats(ANTHROPIC));

describe("Anthropic", () => {
  let fake: FakeProvider;
  let upstream: Upstream;
  const chat = (fields: Record<string, unknown>) =>
    upstream.answer["/v1/chat/completions"]!(requestOf(ANTHROPIC.model, chatOf(ANTHROPIC, fields)));

  beforeEach(async () => {
    ({ fake, upstream } = await tryProvider(ANTHROPIC));
  });
  afterEach(() => fake.close());

  it("gets every field that it takes, in its own form, under the operator's key", async () => {
    await chat({
      messages: [
        {
          role: "system",
          content: [
            { type: "text", text: "be" },
            { type: "text", text: "brief" },
          ],
        },
        { role: "user", content: "hi" },
      ],
      ...{ temperature: 0.5, stop: "x", user: "someone", max_tokens: 9, parallel_tool_calls: false },
      ...{ tools: [TOOL], tool_choice: { type: "function", function: { name: "weather" } } },
    });
    const { name, description, parameters } = TOOL.function;
    expect(fake.last?.body).to.deep.equal({
      ...{ model: ANTHROPIC.model, max_tokens: 9, temperature: 0.5, stop_sequences: ["x"] },
      metadata: { user_id: "someone" },
      system: [
        { type: "text", text: "be" },
        { type: "text", text: "brief" },
      ],
      messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
      tools: [{ name, description, input_schema: parameters }],
      tool_choice: { type: "tool", name: "weather", disable_parallel_tool_use: true },
    });
    expect(fake.last?.headers["x-api-key"]).to.match(/^operators-own-key/);
  });

  const refused: [string, Record<string, unknown>][] = [
    ["seed", { seed: 4 }],
    ["frequency_penalty", { frequency_penalty: 1 }],
    ["presence_penalty", { presence_penalty: 1 }],
    ["metadata", { metadata: { a: "b" } }],
    ["reasoning_effort", { reasoning_effort: "low" }],
    ["response_format", { response_format: { type: "json_object" } }],
    // It would be cut to 1, and one of two would be left out.
    ["temperature", { temperature: 1.5 }],
    ["top_p", { temperature: 0.5, top_p: 0.5 }],
  ];
  for (const [field, fields] of refused) {
    it(`refuses ${JSON.stringify(fields)}, which it can't take`, async () => {
      await expectApiError(unsupported(field), () => chat(fields));
      expect(fake.requests).to.equal(0);
    });
  }

  const TOOLS = [{ ...TOOL, function: { ...TOOL.function, strict: true } }];
  const open = { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } };
  const tooMuch: [string, string, Record<string, unknown>][] = [
    ["tools[0].function.strict", "claude-3-haiku-20240307", { tools: TOOLS }],
    ["tool_choice", "claude-opus-5-5", { tools: TOOLS, tool_choice: "required" }],
    ["response_format", "claude-opus-5-5", { response_format: open }],
  ];
  for (const [param, model, fields] of tooMuch) {
    it(`refuses ${param} for ${model}, which can't be made to, before it asks`, async () => {
      const request = requestOf(model, chatOf(ANTHROPIC, fields));
      await expectApiError(unsupported(param), () => upstream.answer["/v1/chat/completions"]!(request));
      expect(fake.requests).to.equal(0);
    });
  }

  it("asks strictly, and by a tool for a schema, where the model can", async () => {
    await chat({ tools: TOOLS });
    expect(fake.last?.body.tools).to.have.nested.property("[0].strict", true);
    await chat({ response_format: open });
    expect(fake.last?.body.tool_choice).to.deep.include({ type: "any" });
  });

  it("has chats only", () => {
    expect(Object.keys(upstream.answer)).to.deep.equal(["/v1/chat/completions"]);
    expect(Object.keys(upstream.stream)).to.deep.equal(["/v1/chat/completions"]);
  });
});
