import type { JSONObject, JSONValue } from "@ai-sdk/provider";
import type { Takes } from "./takes.ts";

/** What says how a model of OpenAI's API draws its text. */
export const SAMPLING: Takes = {
  temperature: "temperature",
  top_p: "top_p",
  frequency_penalty: "frequency_penalty",
  presence_penalty: "presence_penalty",
  seed: "seed",
  stop: "stop",
  max_tokens: true,
  user: "user",
};

/** What OpenAI's chat takes. */
export const CHAT: Takes = {
  ...SAMPLING,
  max_completion_tokens: true,
  tools: true,
  tool_choice: true,
  parallel_tool_calls: "parallel_tool_calls",
  response_format: true,
  reasoning_effort: "reasoning_effort",
};

/** The fields that are there: to OpenAI `null` means as much as nothing. */
export function present(fields: Readonly<Record<string, JSONValue | undefined>>): JSONObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}
