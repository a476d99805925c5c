import { getEventListeners } from "node:events";
import { expect } from "chai";
import {
  COMPLAINT,
  type FakeProvider,
  type Fault,
  REFUSAL,
  RETRY_AFTER_SECONDS,
} from "../../scripts/calls/providers/providerServer.ts";
import { INPUT_TOKENS, OUTPUT_TOKENS, PNG, TOOL_ARGUMENTS } from "../../scripts/calls/providers/reply.ts";
import { parseChatRequest } from "../../src/gateway/requests/chat.ts";
import type { Served, Upstream, UpstreamRequest, UpstreamSettings } from "../../src/gateway/upstream.ts";
import { expectApiError, unsupported } from "./apiErrors.ts";

type Json = Record<string, unknown>;

/** A provider and the fake it is tried against. */
export type Provider = {
  name: string;
  model: string;
  start(): Promise<FakeProvider>;
  create(settings: UpstreamSettings): Upstream;
};

export type Trial = { fake: FakeProvider; upstream: Upstream };

const API_KEY = "operators-own-key-0123456789";
const TIMEOUT_MS = 250;

export const SCHEMA = {
  type: "object",
  properties: { answer: { type: "integer" } },
  required: ["answer"],
  additionalProperties: false,
};
export const RESPONSE_FORMAT = { type: "json_schema", json_schema: { name: "answer", schema: SCHEMA, strict: true } };
export const TOOL = {
  type: "function",
  function: {
    name: "weather",
    description: "Today's weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, additionalProperties: false },
  },
};
const CALL = { id: "call_1", type: "function", function: { name: "weather", arguments: TOOL_ARGUMENTS } };

/** Starts a fake and the provider against it; one that ends the other says so by `fake.close`. */
export async function tryProvider(provider: Provider): Promise<Trial> {
  const fake = await provider.start();
  return { fake, upstream: createFor(provider, fake) };
}

function createFor(provider: Provider, { baseUrl }: Pick<FakeProvider, "baseUrl">): Upstream {
  return provider.create({ baseUrl, apiKey: API_KEY, timeoutMs: TIMEOUT_MS });
}

export function requestOf(model: string, body: Json, more: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return { body, model, maxOutputUnits: undefined, signal: new AbortController().signal, ...more };
}

export function chatOf(provider: Provider, fields: Json = {}): Json {
  const body = {
    model: `${provider.name}/${provider.model}`,
    messages: [{ role: "user", content: "hello there" }],
    ...fields,
  };
  parseChatRequest(body); // what couldn't come here isn't tried
  return body;
}

/** All of a stream, and how it ended. */
export type Streamed = { chunks: Json[]; served: Served[]; error: unknown };

export async function collect(upstream: Upstream, request: UpstreamRequest): Promise<Streamed> {
  const streamed: Streamed = { chunks: [], served: [], error: undefined };
  try {
    for await (const item of upstream.stream["/v1/chat/completions"]?.(request) ?? []) {
      if ("chunk" in item) streamed.chunks.push(item.chunk);
      else streamed.served.push(item.served);
    }
  } catch (error) {
    streamed.error = error;
  }
  return streamed;
}

export const deltasOf = ({ chunks }: Streamed): Json[] =>
  chunks.flatMap(({ choices }) => (choices as { delta: Json }[]).map(({ delta }) => delta));
export const textOf = (streamed: Streamed): string =>
  deltasOf(streamed)
    .map(({ content }) => content ?? "")
    .join("");

const SERVED = { inputUnits: BigInt(INPUT_TOKENS), outputUnits: BigInt(OUTPUT_TOKENS) };

/** What every provider of chats does. */
export function describeChats(provider: Provider): void {
  let trial: Trial;
  const answer = (fields: Json = {}, more: Partial<UpstreamRequest> = {}) =>
    trial.upstream.answer["/v1/chat/completions"]?.(requestOf(provider.model, chatOf(provider, fields), more));
  const stream = (fields: Json = {}, more: Partial<UpstreamRequest> = {}) =>
    collect(trial.upstream, requestOf(provider.model, chatOf(provider, { ...fields, stream: true }), more));
  const messageIn = (body: unknown) => (body as { choices: { message: Json }[] }).choices[0]?.message;

  beforeEach(async () => {
    trial = await tryProvider(provider);
  });
  afterEach(() => trial.fake.close());

  it("answers in OpenAI's form, and says what the upstream served and counted", async () => {
    const { body, served } = (await answer())!;
    expect(served).to.deep.equal({ model: provider.model, ...SERVED });
    expect(body).to.include({ object: "chat.completion", model: provider.model });
    expect(body.usage).to.include({ prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 });
    const message = { role: "assistant", content: "You said: hello there", refusal: null };
    expect(body.choices).to.deep.equal([{ index: 0, message, logprobs: null, finish_reason: "stop" }]);
  });

  it("streams the same in chunks of OpenAI's form", async () => {
    const streamed = await stream({ stream_options: { include_usage: true } });
    expect(streamed.error).to.equal(undefined);
    expect(textOf(streamed)).to.equal("You said: hello there");
    expect(deltasOf(streamed).length).to.be.greaterThan(3);
    expect(deltasOf(streamed)[0]).to.deep.equal({ role: "assistant", content: "" });
    expect(streamed.served).to.deep.equal([{ model: provider.model, ...SERVED }]);
    expect(new Set(streamed.chunks.map(({ id }) => id)).size).to.equal(1);
    expect(streamed.chunks.every(({ object }) => object === "chat.completion.chunk")).to.equal(true);
    const [end, usage] = streamed.chunks.slice(-2);
    expect(end?.choices).to.deep.equal([{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }]);
    expect(usage?.choices).to.deep.equal([]);
    expect(usage?.usage).to.include({ prompt_tokens: 11, completion_tokens: 5 });
  });

  it("says nothing of usage in a stream unless asked", async () => {
    const { chunks } = await stream();
    expect(chunks.filter((chunk) => "usage" in chunk)).to.deep.equal([]);
  });

  it("calls tools", async () => {
    const { body } = (await answer({ tools: [TOOL], tool_choice: "required" }))!;
    const message = messageIn(body) as { content: null; tool_calls: (typeof CALL)[] };
    expect(message.content).to.equal(null);
    expect(message.tool_calls.map((call) => ({ ...call, id: "call_1" }))).to.deep.equal([CALL]);
    expect((body.choices as Json[])[0]?.finish_reason).to.equal("tool_calls");
  });

  it("calls tools in a stream, piece by piece", async () => {
    const streamed = await stream({ tools: [TOOL] });
    const calls = deltasOf(streamed).flatMap(({ tool_calls }) => (tool_calls ?? []) as Json[]);
    expect(calls[0]).to.deep.include({ index: 0, type: "function", function: { name: "weather", arguments: "" } });
    expect(calls[0]?.id).to.be.a("string").and.not.equal("");
    const pieces = calls.map((call) => (call.function as { arguments: string }).arguments);
    expect(JSON.parse(pieces.join(""))).to.deep.equal(JSON.parse(TOOL_ARGUMENTS));
    expect(streamed.chunks.at(-1)?.choices).to.deep.include({
      index: 0,
      delta: {},
      logprobs: null,
      finish_reason: "tool_calls",
    });
  });

  it("takes a tool's result", async () => {
    const messages = [
      { role: "user", content: "weather?" },
      { role: "assistant", content: null, tool_calls: [CALL] },
      { role: "tool", tool_call_id: "call_1", content: "rain" },
    ];
    const { body } = (await answer({ tools: [TOOL], messages }))!;
    expect(messageIn(body)?.content).to.equal("The tool says: rain");
    const sent = JSON.stringify(trial.fake.last?.body);
    for (const piece of ["call_1", "weather", "Bern", "rain"]) expect(sent).to.include(piece);
  });

  it("answers by a JSON schema, and hands the whole schema on", async () => {
    const { body } = (await answer({ response_format: RESPONSE_FORMAT }))!;
    expect(messageIn(body)?.content).to.equal('{"answer":42}');
    expect(findIn(trial.fake.last?.body, SCHEMA)).to.equal(true);
  });

  it("sees pictures", async () => {
    const url = `data:image/png;base64,${PNG}`;
    const content = [
      { type: "text", text: "look" },
      { type: "image_url", image_url: { url } },
    ];
    const { body } = (await answer({ messages: [{ role: "user", content }] }))!;
    expect(messageIn(body)?.content).to.equal("I see 1 picture(s).");
    expect(JSON.stringify(trial.fake.last?.body)).to.include(PNG);
  });

  it("says which model was served, when it is another one", async () => {
    trial.fake.servedModel = "cheaper-model";
    expect((await answer())?.served.model).to.equal("cheaper-model");
    const { chunks, served } = await stream();
    expect(served[0]?.model).to.equal("cheaper-model");
    expect(chunks.every(({ model }) => model === "cheaper-model")).to.equal(true);
  });

  it("asks for no more output than the cap leaves room for, nor than was asked for", async () => {
    const limits: number[] = [];
    for (const [asked, room] of [
      [40, 30],
      [20, 30],
      [undefined, 30],
      [20, undefined],
    ]) {
      await answer(asked === undefined ? {} : { max_tokens: asked }, { maxOutputUnits: room });
      limits.push(limitIn(trial.fake.last?.body));
    }
    expect(limits).to.deep.equal([30, 20, 30, 20]);
  });

  for (const field of ["logit_bias", "service_tier"]) {
    it(`refuses ${field}, which no form knows, before it asks`, async () => {
      const body = { ...chatOf(provider), [field]: 1 };
      await expectApiError(unsupported(field), () =>
        trial.upstream.answer["/v1/chat/completions"]?.(requestOf(provider.model, body)),
      );
      expect((await collect(trial.upstream, requestOf(provider.model, body))).error).to.include(unsupported(field));
      expect(trial.fake.requests).to.equal(0);
    });
  }

  const failures: [Fault, number, string][] = [
    ["rateLimited", 429, "rate_limit_exceeded"],
    ["serverError", 502, "upstream_failed"],
    ["badRequest", 400, "upstream_rejected"],
    ["refused", 502, "upstream_refused"],
    ["redirects", 502, "upstream_failed"],
    ["silent", 504, "upstream_timeout"],
    ["endless", 502, "upstream_too_large"],
  ];
  for (const [fault, status, code] of failures) {
    it(`says ${code} when the provider is ${fault}`, async () => {
      trial.fake.fault = fault;
      await expectApiError({ status, code }, () => answer());
      const { chunks, served, error } = await stream();
      expect([chunks, served]).to.deep.equal([[], []]);
      expect(error).to.include({ status, code });
      expect(trial.fake.requests).to.equal(2);
    });
  }

  it("passes on when to come back, and what is wrong in one line, but no secrets", async () => {
    trial.fake.fault = "rateLimited";
    const limited = await expectApiError({ status: 429, code: "rate_limit_exceeded" }, () => answer());
    expect(limited.type).to.equal("rate_limit_error");
    expect(limited.retryAfterSeconds).to.equal(RETRY_AFTER_SECONDS);
    trial.fake.fault = "badRequest";
    const rejected = await expectApiError({ status: 400, code: "upstream_rejected" }, () => answer());
    expect(rejected.message).to.equal(COMPLAINT.replace("\n", " "));
    trial.fake.fault = "refused";
    const refused = await expectApiError({ status: 502, code: "upstream_refused" }, () => answer());
    expect(JSON.stringify(refused.toBody())).not.to.include(REFUSAL.split(":")[0]);
  });

  for (const [fault, code] of [
    ["garbage", "upstream_garbage"],
    ["stopsHalfWay", "upstream_cut"],
    ["stallsHalfWay", "upstream_timeout"],
  ] as const) {
    it(`says ${code} when an answer ${fault}`, async () => {
      trial.fake.fault = fault;
      await expectApiError({ status: code === "upstream_timeout" ? 504 : 502, code }, () => answer());
    });
  }

  const breaks: [Fault, string][] = [
    ["garbage", "upstream_garbage"],
    ["stopsHalfWay", "upstream_cut"],
    ["dropsHalfWay", "upstream_cut"],
    ["stallsHalfWay", "upstream_timeout"],
    ["errorHalfWay", "upstream_failed"],
  ];
  for (const [fault, code] of breaks) {
    it(`hands on what came and what it came to, then says ${code}, when a stream ${fault}`, async () => {
      trial.fake.fault = fault;
      const streamed = await stream();
      expect(streamed.error).to.include({ code });
      const text = textOf(streamed);
      expect(text)
        .to.match(/^You sa/)
        .and.not.equal("You said: hello there");
      expect(streamed.served.length).to.equal(1);
      expect(streamed.served[0]?.outputUnits).to.equal(BigInt(Math.ceil(Buffer.byteLength(text) / 4)));
      expect(Number(streamed.served[0]?.inputUnits)).to.be.greaterThan(0);
    });
  }

  it("says upstream_unreachable when nobody is there", async () => {
    const { fake } = trial;
    await fake.close();
    await expectApiError({ status: 502, code: "upstream_unreachable" }, () => answer());
    trial = await tryProvider(provider);
  });

  it("stops the upstream when the caller gives up, before an answer and within a stream", async () => {
    trial.fake.fault = "silent";
    const first = new AbortController();
    setTimeout(() => first.abort(), 30);
    await expectApiError({ status: 499, code: "call_aborted" }, () => answer({}, { signal: first.signal }));
    trial.fake.fault = "stallsHalfWay";
    const second = new AbortController();
    setTimeout(() => second.abort(), 30);
    const { chunks, served, error } = await stream({}, { signal: second.signal });
    expect(chunks.length).to.be.greaterThan(1);
    expect(served.length).to.equal(1);
    expect(error).to.include({ status: 499, code: "call_aborted" });
    await until(() => trial.fake.aborted === 2);
  });

  it("asks nobody when the caller has given up already", async () => {
    await expectApiError({ status: 499, code: "call_aborted" }, () => answer({}, { signal: AbortSignal.abort() }));
    expect(trial.fake.requests).to.equal(0);
  });

  it("stops the upstream when nobody reads the stream any more", async () => {
    trial.fake.fault = "stallsHalfWay";
    const request = requestOf(provider.model, chatOf(provider, { stream: true }));
    for await (const _ of trial.upstream.stream["/v1/chat/completions"]?.(request) ?? []) break;
    await until(() => trial.fake.aborted === 1);
  });

  it("leaves nothing behind on the caller's signal", async () => {
    const { signal } = new AbortController();
    await answer({}, { signal });
    await stream({}, { signal });
    expect(getEventListeners(signal, "abort")).to.deep.equal([]);
  });

  it("hands chunks on as they come", async () => {
    trial.fake.eventDelayMs = 40;
    const startedAt = performance.now();
    const request = requestOf(provider.model, chatOf(provider, { stream: true }));
    const times: number[] = [];
    for await (const _ of trial.upstream.stream["/v1/chat/completions"]?.(request) ?? [])
      times.push(performance.now() - startedAt);
    expect((times.at(-1) as number) - (times[1] as number)).to.be.greaterThan(50);
  });
}

/** Waits up to a second. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isSo()).to.equal(true);
}

const LIMITS = ["max_tokens", "max_completion_tokens", "maxOutputTokens"];

/** Each provider says it elsewhere. */
function limitIn(sent: Json | undefined): number {
  const places = { ...sent, ...(sent?.generationConfig as Json | undefined) };
  return Number(LIMITS.map((name) => places[name]).find((value) => value !== undefined));
}

/** Whether a value is somewhere in another. */
function findIn(where: unknown, what: unknown): boolean {
  try {
    expect(where).to.deep.equal(what);
    return true;
  } catch {
    return typeof where === "object" && where !== null && Object.values(where).some((inner) => findIn(inner, what));
  }
}
