import { expect } from "chai";
import { startFakeGoogle } from "../../../../scripts/calls/providers/FakeGoogle.ts";
import type { FakeProvider } from "../../../../scripts/calls/providers/providerServer.ts";
import { embeddingOf, PNG } from "../../../../scripts/calls/providers/reply.ts";
import type { Upstream } from "../../../../src/gateway/upstream.ts";
import { createGoogleUpstream } from "../../../../src/gateway/upstreams/google.ts";
import { expectApiError, unsupported } from "../../../support/apiErrors.ts";
import { chatOf, describeChats, requestOf, TOOL, tryProvider } from "../../../support/upstreamContract.ts";

const GOOGLE = { name: "google", model: "gemini-2.0-flash", start: startFakeGoogle, create: createGoogleUpstream };

describe("chats with Google", () => describeChats(GOOGLE));

describe("Google", () => {
  let fake: FakeProvider;
  let upstream: Upstream;
  const chat = (fields: Record<string, unknown>, model = GOOGLE.model) =>
    upstream.answer["/v1/chat/completions"]!(requestOf(model, chatOf(GOOGLE, fields)));

  beforeEach(async () => {
    ({ fake, upstream } = await tryProvider(GOOGLE));
  });
  afterEach(() => fake.close());

  it("gets every field that it takes, in its own form, under the operator's key", async () => {
    await chat({
      messages: [
        { role: "developer", content: "be brief" },
        { role: "user", content: "hi" },
      ],
      ...{
        temperature: 0.5,
        top_p: 0.9,
        frequency_penalty: 0.1,
        presence_penalty: 0.2,
        seed: 3,
        stop: ["x"],
        max_tokens: 9,
      },
      ...{ tools: [TOOL], tool_choice: { type: "function", function: { name: "weather" } } },
      response_format: { type: "json_object" },
    });
    const { name, description, parameters } = TOOL.function;
    expect(fake.last?.body).to.deep.equal({
      generationConfig: {
        ...{ temperature: 0.5, topP: 0.9, frequencyPenalty: 0.1, presencePenalty: 0.2, seed: 3 },
        ...{ stopSequences: ["x"], maxOutputTokens: 9, responseMimeType: "application/json" },
      },
      systemInstruction: { parts: [{ text: "be brief" }] },
      contents: [{ role: "user", parts: [{ text: "hi" }] }],
      tools: [{ functionDeclarations: [{ name, description, parametersJsonSchema: parameters }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["weather"] } },
    });
    expect(fake.last?.headers["x-goog-api-key"]).to.match(/^operators-own-key/);
  });

  it("gets the results of tools that were called together in one turn", async () => {
    const call = (id: string) => ({ id, type: "function", function: { name: "weather", arguments: "{}" } });
    const result = (tool_call_id: string) => ({ role: "tool", tool_call_id, content: tool_call_id });
    const asked = { role: "assistant", content: null, tool_calls: [call("a"), call("b")] };
    await chat({ messages: [{ role: "user", content: "hi" }, asked, result("a"), result("b")], tools: [TOOL] });
    const turns = fake.last?.body.contents as { role: string; parts: object[] }[];
    expect(turns.map(({ role, parts }) => [role, parts.length])).to.deep.equal([
      ["user", 1],
      ["model", 2],
      ["user", 2],
    ]);
  });

  const refused: [string, Record<string, unknown>][] = [
    ["user", { user: "someone" }],
    ["metadata", { metadata: { a: "b" } }],
    ["parallel_tool_calls", { tools: [TOOL], parallel_tool_calls: true }],
    ["reasoning_effort", { reasoning_effort: "low" }],
  ];
  for (const [field, fields] of refused) {
    it(`refuses ${field}, which it can't take`, async () => {
      await expectApiError(unsupported(field), () => chat(fields));
      expect(fake.requests).to.equal(0);
    });
  }

  it("refuses a penalty for a model that can't take it, rather than leave it out", async () => {
    await expectApiError(unsupported("presence_penalty"), () => chat({ presence_penalty: 1 }, "gemini-2.5-flash"));
    expect(fake.requests).to.equal(0);
  });

  it("refuses a picture by a URL that it wouldn't fetch, and fetches nothing itself", async () => {
    const content = [
      { type: "text", text: "look" },
      { type: "image_url", image_url: { url: "https://pictures.example/a.png" } },
    ];
    const param = "messages[0].content[1].image_url.url";
    await expectApiError(unsupported(param), () => chat({ messages: [{ role: "user", content }] }));
    expect(fake.requests).to.equal(0);
  });

  it("refuses a system message in the middle, which it can't take", async () => {
    const messages = [
      { role: "user", content: "hi" },
      { role: "system", content: "be brief" },
      { role: "user", content: "and?" },
    ];
    await expectApiError(unsupported("messages"), () => chat({ messages }));
    expect(fake.requests).to.equal(0);
  });

  it("gets a schema as short as it came, whatever it would be with every reference written out", async () => {
    const $defs: Record<string, object> = { d0: { type: "string" } };
    for (let i = 1; i < 60; i++) {
      const $ref = `#/$defs/d${i - 1}`;
      $defs[`d${i}`] = { type: "object", properties: { a: { $ref }, b: { $ref } } };
    }
    const schema = { type: "object", properties: { all: { $ref: "#/$defs/d59" } }, $defs };
    const response_format = { type: "json_schema", json_schema: { name: "a", schema } };
    const tools = [{ type: "function", function: { name: "weather", parameters: schema } }];
    await chat({ response_format, tools });
    expect(fake.last?.body.generationConfig).to.have.deep.property("responseJsonSchema", schema);
    expect(JSON.stringify(fake.last?.body).length).to.be.lessThan(20_000);
  });

  it("embeds texts, and estimates what it doesn't count", async () => {
    for (const input of ["one", ["one", "two22"]]) {
      const body = { model: "google/gemini-embedding-001", input, dimensions: 4 };
      const { body: answer, served } = await upstream.answer["/v1/embeddings"]!(
        requestOf("gemini-embedding-001", body),
      );
      const wanted = [input].flat().map((text) => embeddingOf(text, 4));
      expect((answer.data as { embedding: unknown }[]).map(({ embedding }) => embedding)).to.deep.equal(wanted);
      expect(served).to.deep.equal({
        model: "gemini-embedding-001",
        inputUnits: BigInt(2 * wanted.length),
        outputUnits: 0n,
      });
    }
  });

  it("draws a picture", async () => {
    const body = { model: "google/imagen-4.0-generate-001", prompt: "a cat" };
    const { body: answer, served } = await upstream.answer["/v1/images/generations"]!(
      requestOf("imagen-4.0-generate-001", body),
    );
    expect(answer.data).to.deep.equal([{ b64_json: PNG }]);
    expect(served.outputUnits).to.equal(1n);
    await expectApiError(unsupported("size"), () =>
      upstream.answer["/v1/images/generations"]!(requestOf("imagen-4.0-generate-001", { ...body, size: "1024x1024" })),
    );
  });
});
