import { type Answer, type FakeProvider, namedEvent, startProvider } from "./providerServer.ts";
import { type Asked, inPieces, type Reply, replyTo } from "./reply.ts";

type Json = Record<string, unknown>;
type Block = { type: string; text?: string; content?: unknown };
type Message = { role: string; content: string | Block[] };

/** A FAKE Anthropic: the Messages API as https://docs.anthropic.com/en/api/messages has it. */
export function startFakeAnthropic(): Promise<FakeProvider> {
  return startProvider((fake) => ({
    basePath: "/v1",
    answer: ({ path, body }) => (path === "/messages" ? answerTo(fake, body) : undefined),
    errorBody: (status, message) => ({ type: "error", error: { type: TYPES[status] ?? "api_error", message } }),
    errorEvent: namedEvent("error", { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
  }));
}

const TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  429: "rate_limit_error",
};

function answerTo(fake: FakeProvider, body: Json): Answer {
  const reply = replyTo(askedIn(body));
  const head = { id: "msg_fake", type: "message", role: "assistant", model: fake.servedModel ?? body.model };
  return body.stream === true ? { events: eventsOf(head, reply) } : { json: messageOf(head, reply) };
}

function messageOf(head: Json, { pieces, toolCall, inputTokens, outputTokens }: Reply): Json {
  const text = pieces.join("");
  const content = [
    ...(text === "" ? [] : [{ type: "text", text }]),
    ...(toolCall ? [toolUse(toolCall, JSON.parse(toolCall.arguments))] : []),
  ];
  const stop_reason = toolCall ? "tool_use" : "end_turn";
  const usage = { input_tokens: inputTokens, output_tokens: outputTokens };
  return { ...head, content, stop_reason, stop_sequence: null, usage };
}

function eventsOf(head: Json, { pieces, toolCall, inputTokens, outputTokens }: Reply): string[] {
  const event = (type: string, fields: Json) => namedEvent(type, { type, ...fields });
  const usage = { input_tokens: inputTokens, output_tokens: 1 };
  const message = { ...head, content: [], stop_reason: null, stop_sequence: null, usage };
  const start = toolCall ? toolUse(toolCall, {}) : { type: "text", text: "" };
  const deltas = toolCall
    ? inPieces(toolCall.arguments).map((partial_json) => ({ type: "input_json_delta", partial_json }))
    : pieces.map((text) => ({ type: "text_delta", text }));
  return [
    event("message_start", { message }),
    event("content_block_start", { index: 0, content_block: start }),
    event("ping", {}),
    ...deltas.map((delta) => event("content_block_delta", { index: 0, delta })),
    event("content_block_stop", { index: 0 }),
    event("message_delta", {
      delta: { stop_reason: toolCall ? "tool_use" : "end_turn", stop_sequence: null },
      usage: { output_tokens: outputTokens },
    }),
    event("message_stop", {}),
  ];
}

function toolUse({ id, name }: NonNullable<Reply["toolCall"]>, input: Json): Json {
  return { type: "tool_use", id, name, input };
}

function askedIn({ messages, tools, output_config }: Json): Asked {
  const last = (messages as Message[]).at(-1);
  const blocks = typeof last?.content === "string" ? [{ type: "text", text: last.content }] : (last?.content ?? []);
  const result = blocks.find(({ type }) => type === "tool_result");
  return {
    text: blocks.map(({ text }) => text ?? "").join(""),
    pictures: blocks.filter(({ type }) => type === "image").length,
    tool: (tools as { name: string }[] | undefined)?.[0]?.name,
    toolResult: result && textOf(result.content),
    wantsJson: output_config !== undefined,
  };
}

function textOf(content: unknown): string {
  return typeof content === "string" ? content : (content as Block[]).map(({ text }) => text ?? "").join("");
}
