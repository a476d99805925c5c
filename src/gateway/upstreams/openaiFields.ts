import type { JSONObject, JSONValue } from "@ai-sdk/provider";
import type { Takes } from "./takes.ts";

const DRAWING: Takes = {
  temperature: "temperature",
  top_p: "top_p",
  frequency_penalty: "frequency_penalty",
  presence_penalty: "presence_penalty",
  stop: "stop",
  max_tokens: true,
};

/** What says how a model of OpenAI's API draws its text. */
export const SAMPLING: Takes = { ...DRAWING, seed: "seed", user: "user" };

/** What every server that follows OpenAI's chat takes. */
export const COMMON_CHAT: Takes = {
  ...DRAWING,
  max_completion_tokens: true,
  tools: true,
  tool_choice: true,
  parallel_tool_calls: "parallel_tool_calls",
  response_format: true,
  reasoning_effort: "reasoning_effort",
};

/** What OpenAI's chat takes. */
export const CHAT: Takes = { ...SAMPLING, ...COMMON_CHAT };

/** The fields that are there: to OpenAI `null` means as much as nothing. */
export function present(fields: Readonly<Record<string, JSONValue | undefined>>): JSONObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}
