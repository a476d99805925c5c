import { createOpenAI } from "@ai-sdk/openai";
import type { SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { ChatRequest } from "../requests/chat.ts";
import type { Upstream, UpstreamSettings } from "../upstream.ts";
import { createChat } from "./chat.ts";
import { createCompletions } from "./completions.ts";
import { createEmbeddings } from "./embeddings.ts";
import { createImages } from "./images.ts";
import type { Fetch } from "./languageProvider.ts";
import { CHAT, present, SAMPLING } from "./openaiFields.ts";
import { IMAGE_DETAIL } from "./pictures.ts";
import type { Takes } from "./takes.ts";

const IMAGES: Takes = {
  size: "size",
  quality: "quality",
  style: "style",
  background: "background",
  output_format: "output_format",
  response_format: true,
  user: "user",
};

/** OpenAI, by its chat API: https://platform.openai.com/docs/api-reference. */
export function createOpenAiUpstream(settings: UpstreamSettings): Upstream {
  const { baseUrl = "https://api.openai.com/v1", apiKey = "" } = settings;
  const provider = (fetch: Fetch) => createOpenAI({ baseURL: baseUrl, apiKey, fetch });
  const chat = createChat(settings, {
    model: (name, fetch) => provider(fetch).chat(name),
    takes: { ...CHAT, metadata: "metadata", [IMAGE_DETAIL]: true },
    providerOptions: chatProviderOptions,
  });
  const completions = createCompletions(settings, {
    model: (name, fetch) => provider(fetch).completion(name),
    takes: { ...SAMPLING, suffix: "suffix" },
    providerOptions: ({ user, suffix }) => ({ openai: present({ user, suffix }) }),
  });
  const embeddings = createEmbeddings(settings, {
    model: (name, fetch) => provider(fetch).embedding(name),
    takes: { encoding_format: true, dimensions: "dimensions", user: "user" },
    providerOptions: ({ dimensions, user }) => ({ openai: present({ dimensions, user }) }),
  });
  const images = createImages(settings, {
    model: (name, fetch) => provider(fetch).image(name),
    takes: IMAGES,
    maxPictures: 10,
    providerOptions: ({ quality, style, background, output_format, user }) => ({
      openai: present({ quality, style, background, outputFormat: output_format, user }),
    }),
  });
  return {
    answer: {
      "/v1/chat/completions": chat.answer,
      "/v1/completions": completions.answer,
      "/v1/embeddings": embeddings,
      "/v1/images/generations": images,
    },
    stream: { "/v1/chat/completions": chat.stream, "/v1/completions": completions.stream },
  };
}

function chatProviderOptions(request: ChatRequest): SharedV3ProviderOptions {
  const { user, metadata, parallel_tool_calls, reasoning_effort, response_format } = request;
  const isStrict = response_format?.type === "json_schema" ? (response_format.json_schema.strict ?? false) : undefined;
  return {
    openai: present({
      user,
      metadata,
      parallelToolCalls: parallel_tool_calls,
      reasoningEffort: reasoning_effort,
      strictJsonSchema: isStrict,
    }),
  };
}
