import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { ChatRequest } from "../requests/chat.ts";
import type { Fetch } from "./languageProvider.ts";
import { present } from "./openaiFields.ts";

export type CompatibleSettings = {
  /** Under which the library takes a provider's own options. */
  name: string;
  baseURL: string;
  apiKey: string | undefined;
  /**
   * Pictures behind URLs, any stranger's, are passed on for the server to fetch. Only where that is a provider's: one of the
   * operator's own would fetch from the operator's own network.
   */
  passesPictureUrls: boolean;
  fetch: Fetch;
};

/** A server that speaks OpenAI's API. */
export function openAiCompatible({ apiKey, passesPictureUrls, ...settings }: CompatibleSettings) {
  return createOpenAICompatible({
    ...settings,
    ...(apiKey !== undefined && { apiKey }),
    includeUsage: true,
    supportsStructuredOutputs: true,
    supportedUrls: () => (passesPictureUrls ? { "image/*": [/^https:\/\//] } : {}),
  });
}

/** The fields of a chat that the libraries' common form lacks. */
export function compatibleChatOptions(name: string, request: ChatRequest): SharedV3ProviderOptions {
  const { user, parallel_tool_calls, reasoning_effort, response_format } = request;
  const isStrict = response_format?.type === "json_schema" ? (response_format.json_schema.strict ?? false) : undefined;
  return {
    [name]: present({ user, parallel_tool_calls, reasoningEffort: reasoning_effort, strictJsonSchema: isStrict }),
  };
}
