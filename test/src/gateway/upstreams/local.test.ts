import { expect } from "chai";
import { startFakeLlamaServer } from "../../../../scripts/calls/providers/FakeLlamaServer.ts";
import type { FakeProvider } from "../../../../scripts/calls/providers/providerServer.ts";
import { embeddingOf, PNG } from "../../../../scripts/calls/providers/reply.ts";
import type { Upstream } from "../../../../src/gateway/upstream.ts";
import { createLocalUpstream } from "../../../../src/gateway/upstreams/local.ts";
import { expectApiError, unsupported } from "../../../support/apiErrors.ts";
import { createLoopback } from "../../../support/loopback.ts";
import {
  chatOf,
  collect,
  deltasOf,
  describeChats,
  RESPONSE_FORMAT,
  requestOf,
  TOOL,
  textOf,
  tryProvider,
} from "../../../support/upstreamContract.ts";

const LOCAL = { name: "local", model: "llama-3.1-8b", start: startFakeLlamaServer, create: createLocalUpstream };

describe("chats with a local server", () => describeChats(LOCAL));

describe("a local server", () => {
  let fake: FakeProvider;
  let upstream: Upstream;

  beforeEach(async () => {
    ({ fake, upstream } = await tryProvider(LOCAL));
  });
  afterEach(() => fake.close());

  it("gets every field of a chat", async () => {
    const fields = {
      ...{
        temperature: 0.5,
        top_p: 0.9,
        frequency_penalty: 0.1,
        presence_penalty: 0.2,
        seed: 3,
        stop: ["x"],
        max_tokens: 9,
      },
      ...{
        tools: [TOOL],
        tool_choice: "required",
        parallel_tool_calls: true,
        reasoning_effort: "low",
        user: "someone",
      },
      response_format: RESPONSE_FORMAT,
      messages: [
        { role: "system", content: "be brief" },
        { role: "user", content: "hi" },
        { role: "assistant", content: "ho", reasoning_content: "hm" },
      ],
    };
    await upstream.answer["/v1/chat/completions"]!(requestOf(LOCAL.model, chatOf(LOCAL, fields)));
    expect(fake.last?.body).to.deep.equal({ model: LOCAL.model, ...fields });
  });

  it("refuses what such servers have no field for", async () => {
    const metadata = chatOf(LOCAL, { metadata: { a: "b" } });
    await expectApiError(unsupported("metadata"), () =>
      upstream.answer["/v1/chat/completions"]!(requestOf(LOCAL.model, metadata)),
    );
  });

  it("takes a picture's detail only where that asks for nothing", async () => {
    const pictured = (detail: string) => {
      const image_url = { url: `data:image/png;base64,${PNG}`, detail };
      return chatOf(LOCAL, { messages: [{ role: "user", content: [{ type: "image_url", image_url }] }] });
    };
    await upstream.answer["/v1/chat/completions"]!(requestOf(LOCAL.model, pictured("auto")));
    expect(JSON.stringify(fake.last?.body)).to.include(PNG);
    await expectApiError(unsupported("messages[0].content[0].image_url.detail"), () =>
      upstream.answer["/v1/chat/completions"]!(requestOf(LOCAL.model, pictured("low"))),
    );
  });

  it("is sent no URL of a picture: it would fetch whatever it can reach for whoever asks", async () => {
    const image_url = { url: "https://169.254.169.254/latest/meta-data" };
    const pictured = chatOf(LOCAL, { messages: [{ role: "user", content: [{ type: "image_url", image_url }] }] });
    const refused = unsupported("messages[0].content[0].image_url.url");
    await expectApiError(refused, () => upstream.answer["/v1/chat/completions"]!(requestOf(LOCAL.model, pictured)));
    const streamed = await collect(upstream, requestOf(LOCAL.model, { ...pictured, stream: true }));
    expect(streamed.error).to.include(refused);
    expect(fake.last).to.equal(undefined);
  });

  it("continues a text, which is the client's to the letter", async () => {
    const body = { model: "local/llama", prompt: "Once", temperature: 1, stop: ["\n"], max_tokens: 9 };
    const { body: answer } = await upstream.answer["/v1/completions"]!(requestOf("llama", body));
    expect(fake.last?.body).to.deep.equal({ ...body, model: "llama" });
    expect((answer.choices as { text: string }[])[0]?.text).to.equal("Once and so on");
  });

  it("embeds and draws", async () => {
    const texts = { model: "local/nomic", input: "one" };
    const embedded = await upstream.answer["/v1/embeddings"]!(requestOf("nomic", texts));
    expect((embedded.body.data as { embedding: unknown }[])[0]?.embedding).to.deep.equal(embeddingOf("one"));
    const picture = { model: "local/sd", prompt: "a cat", n: 2, size: "512x512", user: "someone" };
    const drawn = await upstream.answer["/v1/images/generations"]!(requestOf("sd", picture));
    expect(drawn.body.data).to.deep.equal([{ b64_json: PNG }, { b64_json: PNG }]);
    expect(fake.last?.body).to.deep.equal({ ...picture, model: "sd", response_format: "b64_json" });
  });
});

describe("a local server of another kind", () => {
  const loopback = createLoopback();
  after(() => loopback.close());

  const upstreamOf = async (
    answer: unknown,
    { type = "application/json", status = 200, apiKey = "" } = {},
  ): Promise<Upstream> => {
    const text = typeof answer === "string" ? answer : JSON.stringify(answer);
    const baseUrl = await loopback.serve((request, response) => {
      request.resume().on("end", () => response.writeHead(status, { "content-type": type }).end(text));
    });
    return createLocalUpstream({ baseUrl: `${baseUrl}v1`, timeoutMs: 500, ...(apiKey !== "" && { apiKey }) });
  };
  const request = requestOf("m", { model: "local/m", messages: [{ role: "user", content: "12345678" }] });

  it("may count nothing: a quarter of the bytes is taken then", async () => {
    const choices = [{ message: { role: "assistant", content: "é".repeat(9) }, finish_reason: "stop" }];
    const { served } = await (await upstreamOf({ choices })).answer["/v1/chat/completions"]!(request);
    expect(served.outputUnits).to.equal(5n);
    expect(Number(served.inputUnits)).to.be.within(2, 20);
    expect(served.model).to.equal("m");
  });

  it("may reason aloud: that is handed on", async () => {
    const message = { role: "assistant", reasoning_content: "hm", content: "ho" };
    const upstream = await upstreamOf({ choices: [{ message, finish_reason: "stop" }] });
    const { body } = await upstream.answer["/v1/chat/completions"]!(request);
    const [choice] = body.choices as { message: object }[];
    expect(choice?.message).to.deep.equal({ role: "assistant", content: "ho", refusal: null, reasoning_content: "hm" });
  });

  it("may leave its stream without [DONE] or usage", async () => {
    const chunk = (delta: object, finish_reason: string | null) =>
      `data: ${JSON.stringify({ choices: [{ delta, finish_reason }] })}\n\n`;
    const upstream = await upstreamOf(chunk({ content: "hello" }, null) + chunk({}, "length"), {
      type: "text/event-stream",
    });
    const streamed = await collect(upstream, request);
    expect(streamed.error).to.equal(undefined);
    expect(textOf(streamed)).to.equal("hello");
    expect(streamed.served[0]?.outputUnits).to.equal(2n);
  });

  it("may reason aloud in a stream", async () => {
    const choices = (delta: object, finish_reason: string | null) => ({ choices: [{ delta, finish_reason }] });
    const events = [choices({ reasoning_content: "hm" }, null), choices({ content: "ho" }, "stop")];
    const stream = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
    const streamed = await collect(await upstreamOf(stream, { type: "text/event-stream" }), request);
    const deltas = [{ role: "assistant", content: "" }, { reasoning_content: "hm" }, { content: "ho" }, {}];
    expect(deltasOf(streamed)).to.deep.equal(deltas);
    expect(streamed.served[0]?.outputUnits).to.equal(1n);
  });

  it("may complain, and what it says is passed on in one short line, without keys", async () => {
    const message = `\u001b[31mno ${"operators-own-key"} nor sk-abcdefgh12345678 nor Bearer abcdef\n${"x".repeat(900)}`;
    const upstream = await upstreamOf({ error: { message } }, { status: 422, apiKey: "operators-own-key" });
    const rejected = { status: 400, code: "upstream_rejected" };
    const error = await expectApiError(rejected, () => upstream.answer["/v1/chat/completions"]!(request));
    expect(error.message)
      .to.match(/^ \[31mno … nor … nor … x+$/)
      .and.to.have.lengthOf.at.most(500);
  });

  it("may complain in no form at all", async () => {
    const upstream = await upstreamOf("<html>", { status: 400 });
    const rejected = { status: 400, code: "upstream_rejected" };
    await expectApiError(rejected, () => upstream.answer["/v1/chat/completions"]!(request));
  });

  for (const [what, answer] of [
    ["an empty object", {}],
    ["no choices", { choices: [] }],
    ["a list", []],
    ["a page", "<html>"],
    ["nothing", ""],
  ] as const) {
    it(`that answers ${what} is upstream_garbage`, async () => {
      const upstream = await upstreamOf(answer);
      const garbage = { status: 502, code: "upstream_garbage" };
      await expectApiError(garbage, () => upstream.answer["/v1/chat/completions"]!(request));
      const text = requestOf("m", { model: "local/m", prompt: "x" });
      await expectApiError(garbage, () => upstream.answer["/v1/completions"]!(text));
      const embedding = requestOf("m", { model: "local/m", input: "x" });
      await expectApiError(garbage, () => upstream.answer["/v1/embeddings"]!(embedding));
      const picture = requestOf("m", { model: "local/m", prompt: "x" });
      await expectApiError(garbage, () => upstream.answer["/v1/images/generations"]!(picture));
    });
  }

  it("that draws behind a URL is upstream_garbage: the gateway fetches nothing that an answer names", async () => {
    let fetched = 0;
    const elsewhere = await loopback.serve((_, response) => {
      fetched++;
      response.end("picture");
    });
    const upstream = await upstreamOf({ created: 1, data: [{ url: elsewhere }] });
    const picture = requestOf("m", { model: "local/m", prompt: "x" });
    const garbage = { status: 502, code: "upstream_garbage" };
    await expectApiError(garbage, () => upstream.answer["/v1/images/generations"]!(picture));
    expect(fetched).to.equal(0);
  });

  it("that mixes up embeddings is upstream_garbage", async () => {
    const data = [
      { index: 1, embedding: [1] },
      { index: 0, embedding: [2] },
    ];
    const upstream = await upstreamOf({ data });
    const texts = requestOf("m", { model: "local/m", input: ["a", "b"] });
    await expectApiError({ status: 502, code: "upstream_garbage" }, () => upstream.answer["/v1/embeddings"]!(texts));
  });
});
