import type { ChatRequest } from "../requests/chat.ts";
import type { JsonObject } from "./languageProvider.ts";
import { notTaken } from "./upstreamErrors.ts";

type Tool = { name: string; strict?: boolean };

/**
 * For models that can't be made to call a tool, or call it strictly, the library asks for less and says so when it is done.
 * A schema it can't have enforced it makes a tool of, to be called.
 *
 * @returns the body as it is
 * @throws ApiError 400 `unsupported_parameter`
 */
export function checkTools(body: JsonObject, { tools, tool_choice, response_format }: ChatRequest): JsonObject {
  const sent = (body.tools ?? []) as Tool[];
  const loose = (tools ?? []).findIndex(({ function: { name, strict } }) => strict === true && !isStrict(sent, name));
  if (loose >= 0) throw notTaken(`tools[${loose}].function.strict`);
  if (isForced(body)) return body;
  if (tool_choice === "required" || (typeof tool_choice === "object" && tool_choice !== null))
    throw notTaken("tool_choice");
  const { format } = (body.output_config ?? {}) as JsonObject;
  if (response_format?.type === "json_schema" && format === undefined) throw notTaken("response_format");
  return body;
}

function isStrict(sent: readonly Tool[], name: string): boolean {
  return sent.some((tool) => tool.name === name && tool.strict === true);
}

function isForced({ tool_choice }: JsonObject): boolean {
  const { type } = (tool_choice ?? {}) as JsonObject;
  return type === "any" || type === "tool";
}
