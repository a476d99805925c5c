import { createGoogleGenerativeAI } from "@ai-sdk/google";
import type { SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { ChatRequest } from "../requests/chat.ts";
import type { Upstream, UpstreamSettings } from "../upstream.ts";
import { createChat } from "./chat.ts";
import { createEmbeddings } from "./embeddings.ts";
import { withJsonSchemas } from "./googleSchemas.ts";
import { createImages } from "./images.ts";
import type { Fetch } from "./languageProvider.ts";
import { present } from "./openaiFields.ts";
import type { Takes } from "./takes.ts";
import { notTaken } from "./upstreamErrors.ts";

const CHAT: Takes = {
  temperature: "generationConfig.temperature",
  top_p: "generationConfig.topP",
  frequency_penalty: "generationConfig.frequencyPenalty",
  presence_penalty: "generationConfig.presencePenalty",
  seed: "generationConfig.seed",
  stop: "generationConfig.stopSequences",
  max_tokens: true,
  max_completion_tokens: true,
  tools: true,
  tool_choice: true,
  response_format: true,
};

/** Google's Gemini API: https://ai.google.dev/api/generate-content. */
export function createGoogleUpstream(settings: UpstreamSettings): Upstream {
  const { baseUrl = "https://generativelanguage.googleapis.com/v1beta", apiKey = "" } = settings;
  const provider = (fetch: Fetch) => createGoogleGenerativeAI({ baseURL: baseUrl, apiKey, fetch });
  const chat = createChat(settings, {
    model: (name, fetch) => provider(fetch)(name),
    takes: CHAT,
    providerOptions,
    finishBody: withJsonSchemas,
    modelOf,
  });
  const embeddings = createEmbeddings(settings, {
    model: (name, fetch) => provider(fetch).embedding(name),
    takes: { encoding_format: true, dimensions: true },
    providerOptions: ({ dimensions }) => ({ google: present({ outputDimensionality: dimensions }) }),
  });
  const images = createImages(settings, {
    model: (name, fetch) => provider(fetch).image(name),
    takes: { response_format: true },
    maxPictures: 4,
    providerOptions: () => ({}),
  });
  return {
    answer: { "/v1/chat/completions": chat.answer, "/v1/embeddings": embeddings, "/v1/images/generations": images },
    stream: { "/v1/chat/completions": chat.stream },
  };
}

/** @throws ApiError 400 `unsupported_parameter` */
function providerOptions({ response_format }: ChatRequest): SharedV3ProviderOptions {
  if (response_format?.type === "json_schema" && response_format.json_schema.description) {
    throw notTaken("response_format.json_schema.description");
  }
  return {};
}

function modelOf(raw: unknown): string | undefined {
  const version = (raw as { modelVersion?: unknown } | undefined)?.modelVersion;
  return typeof version === "string" && version !== "" ? version : undefined;
}
