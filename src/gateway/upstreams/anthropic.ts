import { createAnthropic } from "@ai-sdk/anthropic";
import type { SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { ChatRequest } from "../requests/chat.ts";
import type { Upstream, UpstreamSettings } from "../upstream.ts";
import { createChat } from "./chat.ts";
import { present } from "./openaiFields.ts";
import type { Takes } from "./takes.ts";
import { notTaken } from "./upstreamErrors.ts";

const CHAT: Takes = {
  temperature: "temperature",
  top_p: "top_p",
  stop: "stop_sequences",
  max_tokens: true,
  max_completion_tokens: true,
  tools: true,
  tool_choice: true,
  parallel_tool_calls: true,
  response_format: true,
  user: "metadata.user_id",
};

/** Anthropic, by its Messages API: https://docs.anthropic.com/en/api/messages. */
export function createAnthropicUpstream(settings: UpstreamSettings): Upstream {
  const { baseUrl = "https://api.anthropic.com/v1", apiKey = "" } = settings;
  const chat = createChat(settings, {
    model: (name, fetch) => createAnthropic({ baseURL: baseUrl, apiKey, fetch })(name),
    takes: CHAT,
    providerOptions,
  });
  return { answer: { "/v1/chat/completions": chat.answer }, stream: { "/v1/chat/completions": chat.stream } };
}

/** @throws ApiError 400 `unsupported_parameter` */
function providerOptions(request: ChatRequest): SharedV3ProviderOptions {
  const { user, parallel_tool_calls, response_format } = request;
  if (response_format?.type === "json_object") {
    throw notTaken("response_format", "response_format: this model takes a json_schema, not a json_object");
  }
  if (response_format?.type === "json_schema" && response_format.json_schema.description) {
    throw notTaken("response_format.json_schema.description");
  }
  return {
    anthropic: {
      ...present({
        disableParallelToolUse: typeof parallel_tool_calls === "boolean" ? !parallel_tool_calls : undefined,
      }),
      ...(user && { metadata: { userId: user } }),
    },
  };
}
