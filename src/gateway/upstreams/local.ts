import type { Upstream, UpstreamSettings } from "../upstream.ts";
import { createChat } from "./chat.ts";
import { createCompletions } from "./completions.ts";
import { createEmbeddings } from "./embeddings.ts";
import { createImages } from "./images.ts";
import type { Fetch } from "./languageProvider.ts";
import { compatibleChatOptions, openAiCompatible } from "./openaiCompatible.ts";
import { present } from "./openaiFields.ts";
import type { Takes } from "./takes.ts";

const NAME = "local";

const SAMPLING: Takes = {
  temperature: "temperature",
  top_p: "top_p",
  frequency_penalty: "frequency_penalty",
  presence_penalty: "presence_penalty",
  seed: "seed",
  stop: "stop",
  max_tokens: true,
  user: "user",
};

const CHAT: Takes = {
  ...SAMPLING,
  max_completion_tokens: true,
  tools: true,
  tool_choice: true,
  parallel_tool_calls: "parallel_tool_calls",
  response_format: true,
  reasoning_effort: "reasoning_effort",
};

/** Any server that speaks OpenAI's API, such as llama.cpp's, vLLM or Ollama; llama.cpp's own place unless told. */
export function createLocalUpstream(settings: UpstreamSettings): Upstream {
  const { baseUrl = "http://127.0.0.1:8080/v1", apiKey } = settings;
  const provider = (fetch: Fetch) => openAiCompatible({ name: NAME, baseURL: baseUrl, apiKey, fetch });
  const chat = createChat(settings, {
    model: (name, fetch) => provider(fetch).chatModel(name),
    takes: CHAT,
    providerOptions: (request) => compatibleChatOptions(NAME, request),
  });
  const completions = createCompletions(settings, {
    model: (name, fetch) => provider(fetch).completionModel(name),
    takes: { ...SAMPLING, suffix: "suffix" },
    providerOptions: ({ user, suffix }) => ({ [NAME]: present({ user, suffix }) }),
  });
  const embeddings = createEmbeddings(settings, {
    model: (name, fetch) => provider(fetch).embeddingModel(name),
    takes: { encoding_format: true, dimensions: "dimensions", user: "user" },
    providerOptions: ({ dimensions, user }) => ({ [NAME]: present({ dimensions, user }) }),
  });
  const images = createImages(settings, {
    model: (name, fetch) => provider(fetch).imageModel(name),
    takes: { size: "size", response_format: true, user: "user" },
    maxPictures: 10,
    providerOptions: ({ user }) => ({ [NAME]: present({ user }) }),
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
