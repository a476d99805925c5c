import type {
  LanguageModelV3CallOptions,
  LanguageModelV3FunctionTool,
  LanguageModelV3ToolChoice,
} from "@ai-sdk/provider";
import type { ChatRequest } from "../requests/chat.ts";
import type { ChatTool, ResponseFormat, ToolChoice } from "../requests/chatTools.ts";
import type { CompletionRequest } from "../requests/completions.ts";

type JsonSchema = LanguageModelV3FunctionTool["inputSchema"];
type Sampling = Omit<LanguageModelV3CallOptions, "prompt">;

/** What a chat asks for besides its messages. */
export function chatOptions(request: ChatRequest): Sampling {
  const { tools, tool_choice, response_format } = request;
  return {
    ...samplingOptions(request),
    ...(tools && { tools: tools.map(toolOf) }),
    ...(tool_choice && { toolChoice: toolChoiceOf(tool_choice) }),
    ...(response_format && { responseFormat: responseFormatOf(response_format) }),
  };
}

export function samplingOptions(request: ChatRequest | CompletionRequest): Sampling {
  const { temperature, top_p, frequency_penalty, presence_penalty, seed, stop } = request;
  const options = {
    temperature,
    topP: top_p,
    frequencyPenalty: frequency_penalty,
    presencePenalty: presence_penalty,
    seed,
    stopSequences: typeof stop === "string" ? [stop] : stop,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}

/** The smaller of what is asked for and what the cap leaves room for. */
export function outputLimit(asked: number | undefined, room: number | undefined): { maxOutputTokens?: number } {
  const limit = Math.min(asked ?? Number.POSITIVE_INFINITY, room ?? Number.POSITIVE_INFINITY);
  return limit === Number.POSITIVE_INFINITY ? {} : { maxOutputTokens: limit };
}

function toolOf({ function: { name, description, parameters, strict } }: ChatTool): LanguageModelV3FunctionTool {
  return {
    type: "function",
    name,
    inputSchema: (parameters ?? { type: "object", properties: {} }) as JsonSchema,
    ...(typeof description === "string" && { description }),
    ...(typeof strict === "boolean" && { strict }),
  };
}

function toolChoiceOf(choice: NonNullable<ToolChoice>): LanguageModelV3ToolChoice {
  return typeof choice === "string" ? { type: choice } : { type: "tool", toolName: choice.function.name };
}

function responseFormatOf(format: NonNullable<ResponseFormat>): NonNullable<Sampling["responseFormat"]> {
  if (format.type === "text") return { type: "text" };
  if (format.type === "json_object") return { type: "json" };
  const { name, description, schema } = format.json_schema;
  return { type: "json", name, schema: schema as JsonSchema, ...(description && { description }) };
}
