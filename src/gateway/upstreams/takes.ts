import type { SharedV3Warning } from "@ai-sdk/provider";
import { notTaken } from "./upstreamErrors.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The fields of a request that a provider takes. A path says where a field's value is in what is sent to it, under the same
 * value: `generationConfig.topP`. `true`: it is sent in another form.
 */
export type Takes = Readonly<Record<string, string | true>>;

/** Fields that every provider takes, or that are none of its business. */
const OURS: readonly string[] = ["model", "messages", "prompt", "input", "n", "stream", "stream_options"];

/** @throws ApiError 400 `unsupported_parameter` for the first field that isn't taken */
export function checkTaken(request: JsonObject, takes: Takes): void {
  const refused = asked(request).find(([field]) => !OURS.includes(field) && takes[field] === undefined);
  if (refused !== undefined) throw notTaken(refused[0]);
}

/**
 * What a library leaves out or changes because it thinks the model can't take it is refused before it is sent.
 *
 * @throws ApiError 400 `unsupported_parameter`
 */
export function checkArrived(request: JsonObject, takes: Takes, sent: JsonObject): void {
  for (const [field, value] of asked(request)) {
    const path = takes[field];
    if (typeof path === "string" && !isSame(value, valueAt(sent, path))) throw notTaken(field);
  }
}

const PARAMS: Readonly<Record<string, string>> = {
  topP: "top_p",
  frequencyPenalty: "frequency_penalty",
  presencePenalty: "presence_penalty",
  responseFormat: "response_format",
  toolChoice: "tool_choice",
  strict: "tools",
};

/** The least that is asked for may always be less. */
const HARMLESS: readonly string[] = ["maxOutputTokens"];

/** The library's own word on what it left out. @throws ApiError 400 `unsupported_parameter` */
export function checkWarnings(warnings: readonly SharedV3Warning[]): void {
  for (const warning of warnings) {
    if (warning.type !== "unsupported" || HARMLESS.includes(warning.feature)) continue;
    throw notTaken(PARAMS[warning.feature] ?? warning.feature);
  }
}

function asked(request: JsonObject): [string, unknown][] {
  return Object.entries(request).filter(([, value]) => value !== undefined && value !== null);
}

function valueAt(sent: unknown, path: string): unknown {
  return path.split(".").reduce((at: unknown, key) => (at as JsonObject | undefined)?.[key], sent);
}

/** One stop sequence is sent as a list of one. */
function isSame(wanted: unknown, got: unknown): boolean {
  const listed = Array.isArray(got) && !Array.isArray(wanted) ? [wanted] : wanted;
  return JSON.stringify(listed) === JSON.stringify(got);
}
