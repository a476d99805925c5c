import { type Answer, dataEvent, type FakeProvider, startProvider } from "./providerServer.ts";
import { type Asked, embeddingOf, PNG, type Reply, replyTo } from "./reply.ts";

type Json = Record<string, unknown>;
type Part = { text?: string; inlineData?: unknown; functionResponse?: { response?: { content?: string } } };
type Embed = { content: { parts: { text: string }[] }; outputDimensionality?: number };

const STATUSES: Record<number, string> = { 400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED" };

/** A FAKE Gemini API as https://ai.google.dev/api has it: content, streamed or not, embeddings, Imagen's pictures. */
export function startFakeGoogle(): Promise<FakeProvider> {
  return startProvider((fake) => ({
    basePath: "/v1beta",
    answer: ({ path, body }) => answerTo(fake, path, body),
    errorBody: (code, message) => ({ error: { code, message, status: STATUSES[code] ?? "INTERNAL" } }),
    errorEvent: dataEvent({ error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } }),
  }));
}

function answerTo(fake: FakeProvider, path: string, body: Json): Answer | undefined {
  const [, model = "", method = ""] = /^\/models\/([^:]+):(\w+)/.exec(path) ?? [];
  const modelVersion = fake.servedModel ?? model;
  switch (method) {
    case "generateContent":
      return { json: contentOf(replyTo(askedIn(body)), modelVersion) };
    case "streamGenerateContent":
      return { events: chunksOf(replyTo(askedIn(body)), modelVersion).map(dataEvent) };
    case "embedContent":
      return { json: { embedding: { values: embed(body as Embed) } } };
    case "batchEmbedContents":
      return { json: { embeddings: (body.requests as Embed[]).map((one) => ({ values: embed(one) })) } };
    case "predict":
      return { json: { predictions: [{ bytesBase64Encoded: PNG, mimeType: "image/png" }] } };
    default:
      return undefined;
  }
}

function contentOf(reply: Reply, modelVersion: string): Json {
  const candidates = [{ content: { role: "model", parts: partsOf(reply) }, finishReason: "STOP", index: 0 }];
  return { candidates, usageMetadata: usageOf(reply), modelVersion, responseId: "resp_fake" };
}

function chunksOf(reply: Reply, modelVersion: string): Json[] {
  const parts = partsOf({ ...reply, pieces: [] });
  const lists = reply.pieces.length > 0 ? reply.pieces.map((text) => [{ text }]) : [parts];
  return lists.map((list, i) => ({
    candidates: [
      { content: { role: "model", parts: list }, ...(i === lists.length - 1 && { finishReason: "STOP" }), index: 0 },
    ],
    ...(i === lists.length - 1 && { usageMetadata: usageOf(reply) }),
    modelVersion,
    responseId: "resp_fake",
  }));
}

function partsOf({ pieces, toolCall }: Reply): Json[] {
  const text = pieces.join("");
  return [
    ...(text === "" ? [] : [{ text }]),
    ...(toolCall ? [{ functionCall: { name: toolCall.name, args: JSON.parse(toolCall.arguments) } }] : []),
  ];
}

function usageOf({ inputTokens, outputTokens }: Reply): Json {
  return {
    promptTokenCount: inputTokens,
    candidatesTokenCount: outputTokens,
    totalTokenCount: inputTokens + outputTokens,
  };
}

function askedIn({ contents, tools, generationConfig }: Json): Asked {
  const parts = (contents as { parts: Part[] }[]).at(-1)?.parts ?? [];
  const declared = (tools as { functionDeclarations: { name: string }[] }[] | undefined)?.[0]?.functionDeclarations;
  return {
    text: parts.map(({ text }) => text ?? "").join(""),
    pictures: parts.filter(({ inlineData }) => inlineData !== undefined).length,
    tool: declared?.[0]?.name,
    toolResult: parts.find(({ functionResponse }) => functionResponse)?.functionResponse?.response?.content,
    wantsJson: (generationConfig as Json | undefined)?.responseMimeType === "application/json",
  };
}

function embed({ content, outputDimensionality }: Embed): number[] {
  return embeddingOf(content.parts.map(({ text }) => text).join(""), outputDimensionality);
}
