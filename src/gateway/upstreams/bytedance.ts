import { createByteDance } from "@ai-sdk/bytedance";
import type { SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { ImageRequest } from "../requests/images.ts";
import type { Upstream, UpstreamSettings } from "../upstream.ts";
import { createChat } from "./chat.ts";
import { createImages } from "./images.ts";
import { compatibleChatOptions, openAiCompatible } from "./openaiCompatible.ts";
import { REASONING, type Takes } from "./takes.ts";
import { notTaken } from "./upstreamErrors.ts";

const NAME = "bytedance";

const CHAT: Takes = {
  temperature: "temperature",
  top_p: "top_p",
  frequency_penalty: "frequency_penalty",
  presence_penalty: "presence_penalty",
  stop: "stop",
  max_tokens: true,
  max_completion_tokens: true,
  tools: true,
  tool_choice: true,
  parallel_tool_calls: "parallel_tool_calls",
  response_format: true,
  reasoning_effort: "reasoning_effort",
  [REASONING]: true,
};

/** ByteDance's Seed (chat) and Seedream (pictures) on BytePlus ModelArk: https://docs.byteplus.com/en/docs/ModelArk. */
export function createBytedanceUpstream(settings: UpstreamSettings): Upstream {
  const { baseUrl = "https://ark.ap-southeast.bytepluses.com/api/v3", apiKey = "" } = settings;
  const chat = createChat(settings, {
    model: (name, fetch) =>
      openAiCompatible({ name: NAME, baseURL: baseUrl, apiKey, passesPictureUrls: true, fetch }).chatModel(name),
    takes: CHAT,
    providerOptions: (request) => compatibleChatOptions(NAME, request),
  });
  const images = createImages(settings, {
    model: (name, fetch) => createByteDance({ baseURL: baseUrl, apiKey, fetch }).image(name),
    takes: { size: "size", output_format: "output_format", response_format: true },
    maxPictures: 1,
    providerOptions: imageOptions,
  });
  return {
    answer: { "/v1/chat/completions": chat.answer, "/v1/images/generations": images },
    stream: { "/v1/chat/completions": chat.stream },
  };
}

/** @throws ApiError 400 `unsupported_parameter` */
function imageOptions({ output_format }: ImageRequest): SharedV3ProviderOptions {
  if (output_format === "webp") throw notTaken("output_format", "output_format: Seedream draws png and jpeg");
  return { [NAME]: output_format ? { outputFormat: output_format } : {} };
}
