import { type Answer, dataEvent, type FakeProvider, type Request, type Speech } from "./providerServer.ts";
import { type Asked, embeddingOf, inPieces, PNG, type Reply, replyTo } from "./reply.ts";

type Json = Record<string, unknown>;
type Message = { role: string; content: string | { type: string; text?: string }[] | null };
type Tool = { function: { name: string } };

const CREATED = 1_750_000_000;

/** OpenAI's API as its reference documents it; others speak parts of it. */
export function openAiSpeech(fake: FakeProvider, basePath: string, paths: readonly string[]): Speech {
  const routes: Record<string, (body: Json) => Answer> = {
    "/chat/completions": (body) => chat(fake, body),
    "/completions": (body) => completion(fake, body),
    "/embeddings": (body) => embeddings(fake, body),
    "/images/generations": images,
  };
  return {
    basePath,
    answer: ({ path, body }: Request) => (paths.includes(path) ? routes[path]?.(body) : undefined),
    errorBody: (_status, message) => ({ error: { message, type: "invalid_request_error", param: null, code: null } }),
    errorEvent: dataEvent({
      error: { message: "the server had an error", type: "server_error", param: null, code: null },
    }),
  };
}

function chat(fake: FakeProvider, body: Json): Answer {
  const reply = replyTo(askedIn(body));
  const head = { id: "chatcmpl-fake", created: CREATED, model: fake.servedModel ?? body.model };
  return body.stream === true ? chatStream(head, reply, body) : { json: chatObject(head, reply) };
}

function chatObject(head: Json, { pieces, toolCall, ...counts }: Reply): Json {
  const text = pieces.join("");
  const message = {
    role: "assistant",
    content: text === "" ? null : text,
    refusal: null,
    ...(toolCall && { tool_calls: [toolCallJson(toolCall)] }),
  };
  const finish_reason = toolCall ? "tool_calls" : "stop";
  const choices = [{ index: 0, message, logprobs: null, finish_reason }];
  return { ...head, object: "chat.completion", choices, usage: usageOf(counts) };
}

function chatStream(head: Json, { pieces, toolCall, ...counts }: Reply, body: Json): Answer {
  const chunk = (choices: Json[], more: Json = {}) =>
    dataEvent({ ...head, object: "chat.completion.chunk", choices, ...more });
  const delta = (fields: Json, finish_reason: string | null = null) =>
    chunk([{ index: 0, delta: fields, logprobs: null, finish_reason }]);
  const events = [
    delta({ role: "assistant", content: "" }),
    ...pieces.map((content) => delta({ content })),
    ...(toolCall ? toolDeltas(toolCall).map((call) => delta({ tool_calls: [call] })) : []),
    delta({}, toolCall ? "tool_calls" : "stop"),
    ...(wantsUsage(body) ? [chunk([], { usage: usageOf(counts) })] : []),
    "data: [DONE]\n\n",
  ];
  return { events };
}

type ToolCall = NonNullable<Reply["toolCall"]>;

function toolCallJson({ id, name, arguments: args }: ToolCall): Json {
  return { id, type: "function", function: { name, arguments: args } };
}

function toolDeltas(call: ToolCall): Json[] {
  const first = { index: 0, ...toolCallJson({ ...call, arguments: "" }) };
  return [first, ...inPieces(call.arguments).map((piece) => ({ index: 0, function: { arguments: piece } }))];
}

function completion(fake: FakeProvider, body: Json): Answer {
  const text = `${String(body.prompt)} and so on`;
  const head = { id: "cmpl-fake", object: "text_completion", created: CREATED, model: fake.servedModel ?? body.model };
  const usage = usageOf({ inputTokens: 3, outputTokens: 4 });
  const choice = (piece: string, finish_reason: string | null) => [
    { index: 0, text: piece, logprobs: null, finish_reason },
  ];
  if (body.stream !== true) return { json: { ...head, choices: choice(text, "stop"), usage } };
  const events = [
    ...inPieces(text).map((piece) => dataEvent({ ...head, choices: choice(piece, null) })),
    dataEvent({ ...head, choices: choice("", "stop") }),
    ...(wantsUsage(body) ? [dataEvent({ ...head, choices: [], usage })] : []),
    "data: [DONE]\n\n",
  ];
  return { events };
}

function embeddings(fake: FakeProvider, { input, model, dimensions }: Json): Answer {
  const texts = (Array.isArray(input) ? input : [input]) as string[];
  const embed = (text: string) => embeddingOf(text, dimensions as number | undefined);
  const data = texts.map((text, index) => ({ object: "embedding", index, embedding: embed(text) }));
  const usage = { prompt_tokens: 2 * texts.length, total_tokens: 2 * texts.length };
  return { json: { object: "list", data, model: fake.servedModel ?? model, usage } };
}

function images({ n }: Json): Answer {
  const data = Array.from({ length: Number(n ?? 1) }, () => ({ b64_json: PNG }));
  const usage = { total_tokens: 109, input_tokens: 9, output_tokens: 100 };
  return { json: { created: CREATED, data, usage } };
}

function askedIn({ messages, tools, response_format }: Json): Asked {
  const list = messages as Message[];
  const last = list.at(-1);
  const parts = typeof last?.content === "string" ? [{ type: "text", text: last.content }] : (last?.content ?? []);
  const text = parts.map((part) => part.text ?? "").join("");
  return {
    text,
    pictures: parts.filter(({ type }) => type === "image_url").length,
    tool: (tools as Tool[] | undefined)?.[0]?.function.name,
    toolResult: last?.role === "tool" ? text : undefined,
    wantsJson: response_format !== undefined,
  };
}

function wantsUsage({ stream_options }: Json): boolean {
  return (stream_options as Json | undefined)?.include_usage === true;
}

function usageOf({ inputTokens, outputTokens }: Pick<Reply, "inputTokens" | "outputTokens">): Json {
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
}
