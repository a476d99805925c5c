import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import OpenAI, {
  APIError,
  APIUserAbortError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from "openai";
import type { Fault } from "../../scripts/calls/providers/providerServer.ts";
import { PNG, TOOL_ARGUMENTS } from "../../scripts/calls/providers/reply.ts";
import { areAllOk } from "../../src/protocol/check.ts";
import { parseReceipt } from "../../src/protocol/receiptJson.ts";
import { verifyReceipt } from "../../src/sdk/index.ts";
import { type CallsLife, type Fakes, requestsTo, startCallsLife } from "../support/callsLife.ts";

const CHATS = [
  ["openai", "openai/gpt-4o"],
  ["anthropic", "anthropic/claude-sonnet-4-5"],
  ["google", "google/gemini-2.0-flash"],
  ["bytedance", "bytedance/seed-1-6-250615"],
  ["local", "local/llama-3.1-8b"],
] as const satisfies [keyof Fakes, string][];

const HELLO = [{ role: "user" as const, content: "hello there, how are you?" }];
const SAID = "You said: hello there, how are you?";
const TOOL = {
  type: "function" as const,
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, additionalProperties: false },
  },
};
const SCHEMA = {
  type: "object",
  properties: { answer: { type: "integer" } },
  required: ["answer"],
  additionalProperties: false,
};
const SETOSA = Buffer.from([51, 35, 14, 2]).toString("base64");
/** Asked once: what the client makes of an error isn't to be made better by asking again. */
const ONCE = { maxRetries: 0 };

describe("the official OpenAI client, only its base URL changed", function () {
  this.timeout(120_000);
  let life: CallsLife;
  let client: OpenAI;

  before(async () => {
    life = await startCallsLife();
    client = new OpenAI({ baseURL: life.connect.started.url, apiKey: "unused" });
  });
  after(() => life?.end());
  beforeEach(() => {
    for (const fake of Object.values(life.fakes)) Object.assign(fake, { fault: undefined, eventDelayMs: 0 });
  });

  const chat = (model: string, more: object = {}) =>
    client.chat.completions.create({ model, messages: HELLO, ...more, stream: false });

  for (const [name, model] of CHATS) {
    describe(model, () => {
      it("chats, and every answer came with a receipt that was checked", async () => {
        const { data, response } = await chat(model).withResponse();
        expect(data.choices[0]?.message.content).to.equal(SAID);
        expect(data).to.include({ object: "chat.completion", model });
        expect(data.usage).to.include({ prompt_tokens: 11, completion_tokens: 5 });
        expect(response.headers.get("x-opg-verified")).to.equal("receipt");
      });

      it("streams, part by part", async () => {
        const { data, response } = await client.chat.completions
          .create({ model, messages: HELLO, stream: true })
          .withResponse();
        const pieces: string[] = [];
        for await (const chunk of data) pieces.push(chunk.choices[0]?.delta.content ?? "");
        expect(pieces.join("")).to.equal(SAID);
        expect(pieces.length).to.be.greaterThan(3);
        expect(response.headers.get("x-opg-verified")).to.equal("parts");
      });

      it("calls a tool, and takes what the tool says", async () => {
        const called = await chat(model, { tools: [TOOL] });
        const message = called.choices[0]?.message;
        expect(called.choices[0]?.finish_reason).to.equal("tool_calls");
        const [call] = message?.tool_calls ?? [];
        if (call?.type !== "function") throw new Error("no function was called");
        expect(call.function).to.deep.equal({ name: "weather", arguments: TOOL_ARGUMENTS });
        const result = { role: "tool", tool_call_id: call.id, content: "sunny" };
        const { choices } = await chat(model, { tools: [TOOL], messages: [...HELLO, message, result] });
        expect(choices[0]?.message.content).to.equal("The tool says: sunny");
      });

      it("streams a tool's call", async () => {
        const stream = client.chat.completions.stream({ model, messages: HELLO, tools: [TOOL] });
        const { choices } = await stream.finalChatCompletion();
        const [call] = choices[0]?.message.tool_calls ?? [];
        expect(call).to.deep.include({ type: "function" });
        expect(call?.function).to.include({ name: "weather", arguments: TOOL_ARGUMENTS });
      });

      it("answers in a JSON schema", async () => {
        const response_format = { type: "json_schema", json_schema: { name: "answer", schema: SCHEMA, strict: true } };
        const { choices } = await chat(model, { response_format });
        expect(JSON.parse(choices[0]?.message.content ?? "")).to.deep.equal({ answer: 42 });
      });

      it("sees a picture", async () => {
        const content = [
          { type: "text", text: "what is it?" },
          { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
        ];
        const { choices } = await chat(model, { messages: [{ role: "user", content }] });
        expect(choices[0]?.message.content).to.equal("I see 1 picture(s).");
      });

      it("throws when the provider ends a stream in the middle, and what came was true", async () => {
        life.fakes[name].fault = "dropsHalfWay";
        const { pieces, error } = await collect(model);
        expect(error).to.be.instanceOf(APIError);
        expect(pieces).to.not.equal("");
        expect(SAID.startsWith(pieces) && pieces.length < SAID.length, pieces).to.equal(true);
      });
    });
  }

  for (const fault of ["stopsHalfWay", "garbage", "errorHalfWay"] as const satisfies Fault[]) {
    it(`throws at a stream that the provider breaks (${fault}), and what came was true`, async () => {
      life.fakes.openai.fault = fault;
      const { pieces, error } = await collect("openai/gpt-4o");
      expect(error).to.be.instanceOf(APIError);
      expect(SAID.startsWith(pieces) && pieces.length < SAID.length, pieces).to.equal(true);
    });
  }

  it("throws at a stream that stalls", async () => {
    life.fakes.bytedance.fault = "stallsHalfWay";
    const { pieces, error } = await collect("bytedance/seed-1-6-250615");
    expect(error).to.be.instanceOf(APIError).and.include({ code: "upstream_timeout" });
    expect(SAID.startsWith(pieces)).to.equal(true);
  });

  it("completes a text, streamed or not", async () => {
    const asked = { model: "openai/gpt-4o", prompt: "Once" };
    const { choices } = await client.completions.create(asked);
    expect(choices[0]?.text).to.equal("Once and so on");
    const pieces: string[] = [];
    for await (const one of await client.completions.create({ ...asked, stream: true })) {
      pieces.push(one.choices[0]?.text ?? "");
    }
    expect(pieces.join("")).to.equal("Once and so on");
  });

  for (const model of ["openai/text-embedding-3-small", "google/gemini-embedding-001", "local/llama-3.1-8b"]) {
    it(`embeds with ${model}, in the form the client chooses`, async () => {
      const { data } = await client.embeddings.create({ model, input: ["one", "three"] });
      expect(data.map(({ embedding }) => embedding[0])).to.deep.equal([3 / 8, 5 / 8]);
    });
  }

  for (const model of ["openai/gpt-image-1", "bytedance/seedream-4-0"]) {
    it(`draws with ${model}`, async () => {
      const { data } = await client.images.generate({ model, prompt: "one white pixel" });
      expect(data?.[0]?.b64_json).to.equal(PNG);
    });
  }

  it("lists the models, each with its operators' prices", async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).to.include.members(CHATS.map(([, model]) => model));
    const [first] = data as unknown as { opg: { operators: { operatorId: number; quote: object }[] } }[];
    expect(first?.opg.operators[0]).to.include({ operatorId: life.operator.operatorId });
    expect(first?.opg.operators[0]?.quote).to.have.all.keys("request", "input", "output");
  });

  describe("a model of the network's own", () => {
    const infer = (headers: Record<string, string> = {}) =>
      client.post<{ label: string; outputs: object }>("/inference", {
        ...{ body: { model: "onnx/iris", input: SETOSA }, headers, ...ONCE },
      });

    it("runs here, and says the same twice", async () => {
      const answers = [await infer(), await infer()];
      expect(answers[0]).to.include({ label: "setosa", model: "onnx/iris" });
      expect(answers[1]).to.deep.equal(answers[0]);
    });

    it("has no answer for a quorum that one operator can't make up", async () => {
      const error = await failureOf(infer({ "x-opg-quorum": "3" }));
      expect(error).to.be.instanceOf(InternalServerError).and.include({ status: 502, code: "no_quorum" });
    });

    it("is the only kind a quorum can be asked of", async () => {
      const headers = { "x-opg-quorum": "3" };
      const asked = client.chat.completions.create({ model: "openai/gpt-4o", messages: HELLO }, { headers });
      expect(await failureOf(asked))
        .to.be.instanceOf(BadRequestError)
        .and.include({ code: "quorum_not_bit_exact" });
    });
  });

  describe("errors arrive in the client's own classes", () => {
    const failing = (model: string, more: object = {}) =>
      failureOf(client.chat.completions.create({ model, messages: HELLO, ...more } as never, ONCE));

    it("a model that nobody offers", async () => {
      const error = await failing("openai/gpt-none");
      expect(error).to.be.instanceOf(NotFoundError).and.include({ code: "model_not_found", param: "model" });
    });

    it("a value out of range, which reaches no provider", async () => {
      const before = requestsTo(life.fakes);
      const error = await failing("openai/gpt-4o", { temperature: 7 });
      expect(error).to.be.instanceOf(BadRequestError).and.include({ code: "invalid_value", param: "temperature" });
      expect(requestsTo(life.fakes)).to.equal(before);
    });

    it("a field that isn't there", async () => {
      const error = await failing("openai/gpt-4o", { logit_bias: {} });
      expect(error)
        .to.be.instanceOf(BadRequestError)
        .and.include({ code: "unsupported_parameter", param: "logit_bias" });
    });

    it("a provider's complaint", async () => {
      life.fakes.openai.fault = "badRequest";
      const error = await failing("openai/gpt-4o");
      expect(error).to.be.instanceOf(BadRequestError);
      expect((error as APIError).message).to.include("top_k");
    });

    it("a provider's 429, with when to come again", async () => {
      life.fakes.anthropic.fault = "rateLimited";
      const error = await failing("anthropic/claude-sonnet-4-5");
      expect(error).to.be.instanceOf(RateLimitError);
      expect((error as APIError).headers?.get("retry-after")).to.equal("7");
    });

    it("a provider's 500, without what isn't the app's business", async () => {
      life.fakes.google.fault = "serverError";
      const error = await failing("google/gemini-2.0-flash");
      expect(error).to.be.instanceOf(InternalServerError).and.include({ status: 502, code: "upstream_failed" });
    });

    it("a provider that never answers", async () => {
      life.fakes.bytedance.fault = "silent";
      const error = await failing("bytedance/seed-1-6-250615");
      expect(error).to.be.instanceOf(InternalServerError).and.include({ status: 504, code: "upstream_timeout" });
    });

    it("a provider that says it served another model", async () => {
      life.fakes.local.servedModel = "tiny";
      const error = await failing("local/llama-3.1-8b").finally(() => {
        life.fakes.local.servedModel = undefined;
      });
      expect(error).to.be.instanceOf(InternalServerError).and.include({ code: "other_model_served" });
    });

    it("and its own second try gets the answer", async () => {
      life.fakes.local.fault = "serverError";
      const before = life.fakes.local.requests;
      const asked = chat("local/llama-3.1-8b");
      await until(() => life.fakes.local.requests > before);
      life.fakes.local.fault = undefined;
      expect((await asked).choices[0]?.message.content).to.equal(SAID);
    });
  });

  describe("aborting stops the provider's work", () => {
    it("before anything came", async () => {
      const fake = life.fakes.openai;
      const [aborted, requests] = [fake.aborted, fake.requests];
      fake.fault = "silent";
      const leaving = new AbortController();
      const asked = failureOf(
        client.chat.completions.create({ model: "openai/gpt-4o", messages: HELLO }, { signal: leaving.signal }),
      );
      await until(() => fake.requests > requests);
      leaving.abort();
      expect(await asked).to.be.instanceOf(APIUserAbortError);
      await until(() => fake.aborted === aborted + 1);
    });

    for (const [name, model] of CHATS) {
      it(`in the middle of a stream of ${name}`, async () => {
        const fake = life.fakes[name];
        const aborted = fake.aborted;
        fake.eventDelayMs = 300;
        const stream = await client.chat.completions.create({ model, messages: HELLO, stream: true });
        for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break; // leaving the loop aborts
        await until(() => fake.aborted === aborted + 1);
      });
    }
  });

  describe("afterwards", () => {
    it("leaves a receipt for each answer, which the chain's own operator has signed", async () => {
      const { response } = await chat("openai/gpt-4o").withResponse();
      const id = response.headers.get("x-opg-receipt-id");
      const receipt = parseReceipt(await (await fetch(`${client.baseURL}/receipts/${id}`)).text());
      expect(receipt.receipt).to.include({ model: "openai/gpt-4o", servedModel: "openai/gpt-4o" });
      const { checks } = await verifyReceipt(life.stage.payer, receipt, {
        model: "openai/gpt-4o",
        maxPrice: BigInt(response.headers.get("x-opg-price") ?? 0),
      });
      expect(areAllOk(checks), JSON.stringify(checks)).to.equal(true);
    });

    it("has met no trouble of the gateway's own", () => {
      expect(life.troubles.filter((reason) => !reason.includes("upstream"))).to.deep.equal([]);
    });
  });

  /** All the text of a stream, and how it ended. */
  async function collect(model: string): Promise<{ pieces: string; error: unknown }> {
    let pieces = "";
    const stream = await client.chat.completions.create({ model, messages: HELLO, stream: true }, ONCE);
    try {
      for await (const chunk of stream) pieces += chunk.choices[0]?.delta.content ?? "";
      return { pieces, error: undefined };
    } catch (error) {
      return { pieces, error };
    }
  }
});

async function failureOf(asked: Promise<unknown>): Promise<unknown> {
  return await asked.then(
    (answer) => {
      throw new Error(`it was answered: ${JSON.stringify(answer).slice(0, 200)}`);
    },
    (error: unknown) => error,
  );
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (isSo()) return;
    await sleep(25);
  }
  throw new Error("it didn't come to that");
}
