import { createByteDance } from "@ai-sdk/bytedance";
import type { SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { ImageRequest } from "../requests/images.ts";
import type { Upstream, UpstreamSettings } from "../upstream.ts";
import { createChat } from "./chat.ts";
import { createImages } from "./images.ts";
import { compatibleChatOptions, openAiCompatible } from "./openaiCompatible.ts";
import { COMMON_CHAT } from "./openaiFields.ts";
import { REASONING } from "./takes.ts";
import { notTaken } from "./upstreamErrors.ts";

const NAME = "bytedance";

/** ByteDance's Seed (chat) and Seedream (pictures) on BytePlus ModelArk: https://docs.byteplus.com/en/docs/ModelArk. */
export function createBytedanceUpstream(settings: UpstreamSettings): Upstream {
  const { baseUrl = "https://ark.ap-southeast.bytepluses.com/api/v3", apiKey = "" } = settings;
  const chat = createChat(settings, {
    model: (name, fetch) =>
      openAiCompatible({ name: NAME, baseURL: baseUrl, apiKey, passesPictureUrls: true, fetch }).chatModel(name),
    takes: { ...COMMON_CHAT, [REASONING]: true },
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
