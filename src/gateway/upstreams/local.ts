import type { Upstream, UpstreamSettings } from "../upstream.ts";
import { createChat } from "./chat.ts";
import { createCompletions } from "./completions.ts";
import { createEmbeddings } from "./embeddings.ts";
import { createImages } from "./images.ts";
import type { Fetch } from "./languageProvider.ts";
import { compatibleChatOptions, openAiCompatible } from "./openaiCompatible.ts";
import { CHAT, present, SAMPLING } from "./openaiFields.ts";
import { REASONING } from "./takes.ts";

const NAME = "local";

/** Any server that speaks OpenAI's API, such as llama.cpp's, vLLM or Ollama; llama.cpp's own place unless told. */
export function createLocalUpstream(settings: UpstreamSettings): Upstream {
  const { baseUrl = "http://127.0.0.1:8080/v1", apiKey } = settings;
  const provider = (fetch: Fetch) =>
    openAiCompatible({ name: NAME, baseURL: baseUrl, apiKey, passesPictureUrls: false, fetch });
  const chat = createChat(settings, {
    model: (name, fetch) => provider(fetch).chatModel(name),
    takes: { ...CHAT, [REASONING]: true },
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
