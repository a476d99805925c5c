import type { JSONObject, JSONValue } from "@ai-sdk/provider";

/** The fields that are there: to OpenAI `null` means as much as nothing. */
export function present(fields: Readonly<Record<string, JSONValue | undefined>>): JSONObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}
