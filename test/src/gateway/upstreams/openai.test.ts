import { expect } from "chai";
import { startFakeOpenAi } from "../../../../scripts/calls/providers/FakeOpenAi.ts";
import type { FakeProvider } from "../../../../scripts/calls/providers/providerServer.ts";
import { embeddingOf, PNG } from "../../../../scripts/calls/providers/reply.ts";
import type { Upstream } from "../../../../src/gateway/upstream.ts";
import { createOpenAiUpstream } from "../../../../src/gateway/upstreams/openai.ts";
import { expectApiError, unsupported } from "../../../support/apiErrors.ts";
import {
  chatOf,
  describeChats,
  RESPONSE_FORMAT,
  requestOf,
  SCHEMA,
  TOOL,
  tryProvider,
} from "../../../support/upstreamContract.ts";

const OPENAI = { name: "openai", model: "gpt-4o", start: startFakeOpenAi, create: createOpenAiUpstream };

describe("chats with OpenAI", () => describeChats(OPENAI));

describe("OpenAI", () => {
  let fake: FakeProvider;
  let upstream: Upstream;
  const chat = (body: Record<string, unknown>, model = OPENAI.model) =>
    upstream.answer["/v1/chat/completions"]!(requestOf(model, body));

  beforeEach(async () => {
    ({ fake, upstream } = await tryProvider(OPENAI));
  });
  afterEach(() => fake.close());

  it("gets every field of a chat, under the operator's key", async () => {
    const picture = { url: "https://pictures.example/cat.png", detail: "low" };
    const messages = [
      { role: "system", content: "be brief" },
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          { type: "image_url", image_url: picture },
        ],
      },
    ];
    const fields = {
      ...{ temperature: 0.5, top_p: 0.9, frequency_penalty: 0.1, presence_penalty: -0.1, seed: 3, stop: ["a", "b"] },
      ...{ parallel_tool_calls: false, user: "someone", metadata: { a: "b" } },
      tools: [{ ...TOOL, function: { ...TOOL.function, strict: true } }],
      tool_choice: { type: "function", function: { name: "weather" } },
    };
    const json_schema = { ...RESPONSE_FORMAT.json_schema, strict: false, description: "an answer" };
    const response_format = { type: "json_schema", json_schema };
    await chat(chatOf(OPENAI, { ...fields, messages, response_format, max_completion_tokens: 9 }));
    expect(fake.last?.body).to.deep.equal({ ...fields, model: "gpt-4o", messages, response_format, max_tokens: 9 });
    expect(json_schema.schema).to.equal(SCHEMA);
    expect(fake.last?.headers.authorization).to.match(/^Bearer operators-own-key/);
  });

  it("gets an effort and another limit for a model that reasons", async () => {
    const messages = [{ role: "developer", content: "be brief" }];
    await chat(chatOf(OPENAI, { messages, reasoning_effort: "low", max_tokens: 9 }), "o3");
    expect(fake.last?.body).to.deep.equal({ model: "o3", messages, reasoning_effort: "low", max_completion_tokens: 9 });
  });

  for (const [field, value] of [
    ["temperature", 0.5],
    ["top_p", 0.9],
    ["presence_penalty", 1],
  ] as const) {
    it(`refuses ${field} for a model that can't take it, rather than leave it out`, async () => {
      await expectApiError(unsupported(field), () => chat(chatOf(OPENAI, { [field]: value }), "o3"));
      expect(fake.requests).to.equal(0);
    });
  }

  it("refuses reasoning, which it wouldn't take back", async () => {
    const messages = [{ role: "assistant", content: "ho", reasoning_content: "hm" }];
    await expectApiError(unsupported("messages[0].reasoning_content"), () => chat(chatOf(OPENAI, { messages })));
  });

  it("continues a text, which is the client's to the letter", async () => {
    const more = { temperature: 1, stop: "\n", max_tokens: 9, seed: 4, user: "someone", suffix: "the end" };
    const body = { model: "openai/gpt-3.5-turbo-instruct", prompt: "user:\nOnce", ...more };
    const answer = await upstream.answer["/v1/completions"]!(requestOf("gpt-3.5-turbo-instruct", body));
    expect(fake.last?.body).to.deep.equal({ ...body, model: "gpt-3.5-turbo-instruct" });
    expect(answer.served).to.deep.equal({ model: "gpt-3.5-turbo-instruct", inputUnits: 3n, outputUnits: 4n });
    expect(answer.body).to.include({ object: "text_completion" });
    const choice = { index: 0, text: "user:\nOnce and so on", logprobs: null, finish_reason: "stop" };
    expect(answer.body.choices).to.deep.equal([choice]);
  });

  it("continues a text in a stream", async () => {
    const body = { model: "openai/x", prompt: "Once", stream: true, stream_options: { include_usage: true } };
    const texts: unknown[] = [];
    let served: unknown;
    for await (const item of upstream.stream["/v1/completions"]!(requestOf("x", body))) {
      if ("served" in item) served = item.served;
      else texts.push(...(item.chunk.choices as { text: string }[]).map(({ text }) => text));
    }
    expect(texts.join("")).to.equal("Once and so on");
    expect(served).to.deep.equal({ model: "x", inputUnits: 3n, outputUnits: 4n });
    expect(fake.last?.body).not.to.have.property("stop");
  });

  it("embeds texts, as numbers or in base64", async () => {
    const body = { model: "openai/text-embedding-3-small", input: ["one", "two22"], dimensions: 4, user: "someone" };
    const { answer } = upstream;
    const numbers = await answer["/v1/embeddings"]!(requestOf("text-embedding-3-small", body));
    const sent = { ...body, model: "text-embedding-3-small", encoding_format: "float" };
    expect(fake.last?.body).to.deep.equal(sent);
    expect(numbers.served).to.deep.equal({ model: "text-embedding-3-small", inputUnits: 4n, outputUnits: 0n });
    const wanted = [embeddingOf("one", 4), embeddingOf("two22", 4)];
    expect((numbers.body.data as { embedding: unknown }[]).map(({ embedding }) => embedding)).to.deep.equal(wanted);
    const coded = await answer["/v1/embeddings"]!(requestOf("m", { ...body, encoding_format: "base64" }));
    const [first] = coded.body.data as { embedding: string }[];
    const bytes = Buffer.from(first!.embedding, "base64");
    expect(wanted[0]!.map((_, i) => bytes.readFloatLE(4 * i))).to.deep.equal(wanted[0]);
  });

  it("draws pictures", async () => {
    const how = { n: 2, size: "1024x1024", quality: "low", background: "opaque", output_format: "png", user: "u" };
    const body = { model: "openai/gpt-image-1", prompt: "a cat", ...how, response_format: "b64_json" };
    const { served, body: answer } = await upstream.answer["/v1/images/generations"]!(requestOf("gpt-image-1", body));
    expect(fake.last?.body).to.deep.equal({ model: "gpt-image-1", prompt: "a cat", ...how });
    expect(served).to.deep.equal({ model: "gpt-image-1", inputUnits: 9n, outputUnits: 2n });
    expect(answer.data).to.deep.equal([{ b64_json: PNG }, { b64_json: PNG }]);
  });

  it("draws no more pictures than the cap leaves room for", async () => {
    const request = requestOf("gpt-image-1", { model: "openai/gpt-image-1", prompt: "a", n: 2 }, { maxOutputUnits: 1 });
    await expectApiError({ status: 402, code: "cap_too_low" }, () =>
      upstream.answer["/v1/images/generations"]!(request),
    );
    expect(fake.requests).to.equal(0);
  });
});
