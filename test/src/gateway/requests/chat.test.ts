import { expect } from "chai";
import { chatForm, PICTURE_UNITS, parseChatRequest } from "../../../../src/gateway/requests/chat.ts";
import { ApiError } from "../../../../src/protocol/apiError.ts";
import { expectApiError, invalid, unsupported } from "../../../support/apiErrors.ts";

const HELLO = { model: "openai/gpt-4o", messages: [{ role: "user", content: "hello" }] };
const TOOL = { type: "function", function: { name: "weather", parameters: { type: "object" }, strict: true } };
const PICTURE = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail: "low" } };
const CALL = { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } };

const user = (content: unknown) => ({ ...HELLO, messages: [{ role: "user", content }] });
const assistant = (fields: object) => ({ ...HELLO, messages: [{ role: "assistant", ...fields }] });

describe("the form of a chat request", () => {
  it("takes all that OpenAI's API has and providers can take, and changes nothing", () => {
    const body = {
      model: "local/meta-llama/Llama-3.1",
      messages: [
        { role: "system", content: "be brief" },
        { role: "developer", content: [{ type: "text", text: "be kind" }] },
        { role: "user", content: [{ type: "text", text: "look" }, PICTURE] },
        { role: "assistant", content: null, refusal: null, tool_calls: [CALL] },
        { role: "tool", tool_call_id: "c1", content: "rain" },
        { role: "assistant", content: "It rains.", reasoning_content: "hm" },
      ],
      ...{ temperature: 0, top_p: 1, stop: ["\n"], seed: 7, frequency_penalty: -2, presence_penalty: 2, n: 1 },
      ...{ max_completion_tokens: 5, stream: true, stream_options: { include_usage: true } },
      ...{
        tools: [TOOL],
        tool_choice: { type: "function", function: { name: "weather" } },
        parallel_tool_calls: false,
      },
      response_format: { type: "json_schema", json_schema: { name: "a", schema: {}, strict: true, description: "d" } },
      ...{ reasoning_effort: "low", user: "u", metadata: { a: "b" } },
    };
    const before = structuredClone(body);
    expect(parseChatRequest(body)).to.equal(body);
    expect(body).to.deep.equal(before);
  });

  it("takes null for what isn't there", () => {
    const nothing = { temperature: null, tools: null, stop: null, n: null, max_tokens: null, stream: null, user: null };
    expect(parseChatRequest({ ...HELLO, ...nothing })).to.include({ temperature: null });
  });

  const unknownFields: [string, object][] = [
    ["logprobs", { ...HELLO, logprobs: true }],
    ["top_k", { ...HELLO, top_k: 4 }],
    ["stream_options.foo", { ...HELLO, stream: true, stream_options: { foo: 1 } }],
    ["messages[0].name", { ...HELLO, messages: [{ role: "user", content: "hi", name: "x" }] }],
    [
      "messages[0].content[1].image_url.foo",
      user([
        { type: "text", text: "a" },
        { ...PICTURE, image_url: { ...PICTURE.image_url, foo: 1 } },
      ]),
    ],
    ["tools[0].function.foo", { ...HELLO, tools: [{ ...TOOL, function: { ...TOOL.function, foo: 1 } }] }],
    ["response_format.foo", { ...HELLO, response_format: { type: "text", foo: 1 } }],
  ];
  for (const [param, body] of unknownFields) {
    it(`refuses ${param}, which it doesn't know`, async () => {
      await expectApiError(unsupported(param), () => parseChatRequest(body));
    });
  }

  it("refuses a field that would change what all objects inherit", async () => {
    const body: unknown = JSON.parse(`{"model":"a/b","messages":[{"role":"user","content":"x"}],"__proto__":{"a":1}}`);
    await expectApiError(unsupported("__proto__"), () => parseChatRequest(body));
  });

  it("refuses more than one answer as something that can't be had", async () => {
    await expectApiError(unsupported("n"), () => parseChatRequest({ ...HELLO, n: 2 }));
  });

  const malformed: [string, string, unknown][] = [
    ["a model without a provider", "model", { ...HELLO, model: "gpt-4o" }],
    ["no messages", "messages", { ...HELLO, messages: [] }],
    ["messages that are left out", "messages", { model: "a/b" }],
    ["a role nobody has", "messages[0].role", { ...HELLO, messages: [{ role: "robot", content: "x" }] }],
    ["content that is a number", "messages[0].content", user(4)],
    ["content without parts", "messages[0].content", user([])],
    ["a part of another kind", "messages[0].content[0].type", user([{ type: "input_audio", input_audio: {} }])],
    ["a part without its text", "messages[0].content[0].text", user([{ type: "text" }])],
    [
      "a picture by http",
      "messages[0].content[0].image_url.url",
      user([{ type: "image_url", image_url: { url: "http://x.example/a.png" } }]),
    ],
    [
      "a picture from a file",
      "messages[0].content[0].image_url.url",
      user([{ type: "image_url", image_url: { url: "file:///etc/passwd" } }]),
    ],
    [
      "a picture that is a page",
      "messages[0].content[0].image_url.url",
      user([{ type: "image_url", image_url: { url: "data:text/html;base64,AAAA" } }]),
    ],
    [
      "a picture whose base64 isn't",
      "messages[0].content[0].image_url.url",
      user([{ type: "image_url", image_url: { url: "data:image/png;base64,A?AA" } }]),
    ],
    ["an assistant that says nothing", "messages[0].content", assistant({})],
    [
      "arguments that are no object",
      "messages[0].tool_calls[0].function.arguments",
      assistant({ tool_calls: [{ ...CALL, function: { name: "f", arguments: "[1]" } }] }),
    ],
    [
      "a tool's result nobody asked for",
      "messages[1].tool_call_id",
      { ...HELLO, messages: [...HELLO.messages, { role: "tool", tool_call_id: "c1", content: "x" }] },
    ],
    ["a temperature too high", "temperature", { ...HELLO, temperature: 2.1 }],
    ["a temperature in words", "temperature", { ...HELLO, temperature: "1" }],
    ["an infinite temperature", "temperature", { ...HELLO, temperature: Number.POSITIVE_INFINITY }],
    ["five stops", "stop", { ...HELLO, stop: ["a", "b", "c", "d", "e"] }],
    ["no tokens at all", "max_tokens", { ...HELLO, max_tokens: 0 }],
    ["two limits", "max_tokens", { ...HELLO, max_tokens: 4, max_completion_tokens: 5 }],
    ["options of a stream without one", "stream_options", { ...HELLO, stream_options: { include_usage: true } }],
    ["a choice among no tools", "tool_choice", { ...HELLO, tool_choice: "auto" }],
    [
      "a choice of another tool",
      "tool_choice",
      { ...HELLO, tools: [TOOL], tool_choice: { type: "function", function: { name: "other" } } },
    ],
    [
      "a schema that is left out",
      "response_format.json_schema.schema",
      { ...HELLO, response_format: { type: "json_schema", json_schema: { name: "a" } } },
    ],
  ];
  for (const [what, param, body] of malformed) {
    it(`refuses ${what}`, async () => {
      await expectApiError(invalid(param), () => parseChatRequest(body));
    });
  }

  for (const body of [null, 4, "text", [], undefined]) {
    it(`refuses ${JSON.stringify(body)} for a body`, async () => {
      await expectApiError({ status: 400, code: "invalid_value" }, () => parseChatRequest(body));
    });
  }

  it("refuses what is nested so deep that walking it breaks", async () => {
    const deep: unknown = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);
    const tools = [{ ...TOOL, function: { ...TOOL.function, parameters: { deep } } }];
    await expectApiError({ status: 400, code: "invalid_value" }, () => parseChatRequest({ ...HELLO, tools }));
  });

  it("says what is wrong in one short line, whatever the request holds", () => {
    const body = { ...HELLO, [`a\n\u001b[31m${"x".repeat(2_000)}`]: 1 };
    expect(() => parseChatRequest(body))
      .to.throw(ApiError)
      .with.property("message")
      .that.matches(/^[^\p{C}]{1,500}$/u);
  });

  it("takes a picture of many megabytes", () => {
    const url = `data:image/png;base64,${"A".repeat(20 * 1024 * 1024)}`;
    expect(parseChatRequest(user([{ type: "image_url", image_url: { url } }]))).to.have.property("model");
  });
});

describe("what a chat request comes to", () => {
  it("counts at most a token a byte of its text, not of its pictures", () => {
    const text = "é".repeat(1000);
    const plain = chatForm.inputUnitsAtMost(parseChatRequest(user([{ type: "text", text }])));
    expect(Number(plain)).to.be.within(2000, 2200);
    const url = `data:image/png;base64,${"A".repeat(400_000)}`;
    const pictured = user([
      { type: "text", text },
      { type: "image_url", image_url: { url } },
    ]);
    expect(chatForm.inputUnitsAtMost(parseChatRequest(pictured)) - plain).to.equal(BigInt(PICTURE_UNITS));
  });

  it("counts the tools and the schema too", () => {
    const bare = chatForm.inputUnitsAtMost(parseChatRequest(HELLO));
    const described = { ...TOOL, function: { name: "f", description: "x".repeat(500) } };
    const withTools = chatForm.inputUnitsAtMost(parseChatRequest({ ...HELLO, tools: [described] }));
    expect(Number(withTools - bare)).to.be.greaterThan(500);
  });

  it("says how much output is asked for, and whether in a stream", () => {
    expect(chatForm.maxOutputOf(parseChatRequest({ ...HELLO, max_tokens: 4 }))).to.equal(4);
    expect(chatForm.maxOutputOf(parseChatRequest({ ...HELLO, max_completion_tokens: 5 }))).to.equal(5);
    expect(chatForm.maxOutputOf(parseChatRequest(HELLO))).to.equal(undefined);
    expect(chatForm.asksForStream(parseChatRequest({ ...HELLO, stream: true }))).to.equal(true);
    expect(chatForm.asksForStream(parseChatRequest(HELLO))).to.equal(false);
  });
});
