import { randomUUID } from "node:crypto";
import type {
  LanguageModelV3Content,
  LanguageModelV3FinishReason,
  LanguageModelV3GenerateResult,
} from "@ai-sdk/provider";
import { garbage } from "./upstreamErrors.ts";

export type ToolCallJson = { id: string; type: "function"; function: { name: string; arguments: string } };

export type MessageJson = {
  role: "assistant";
  content: string | null;
  refusal: null;
  reasoning_content?: string;
  tool_calls?: ToolCallJson[];
};

/** An answer's content as one message. @throws ApiError `upstream_garbage` for what a message can't say */
export function messageJson(content: readonly LanguageModelV3Content[]): MessageJson {
  if (content.some(({ type }) => type === "file" || type === "tool-approval-request")) throw garbage();
  const toolCalls = content.flatMap((part) =>
    part.type === "tool-call" && part.providerExecuted !== true ? [toolCallJson(part)] : [],
  );
  const text = textOf(content, "text");
  const reasoning = textOf(content, "reasoning");
  return {
    role: "assistant",
    content: text === "" && toolCalls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
  };
}

export function textOf(content: readonly LanguageModelV3Content[], type: "text" | "reasoning"): string {
  return content.map((part) => (part.type === type && "text" in part ? part.text : "")).join("");
}

function toolCallJson({
  toolCallId,
  toolName,
  input,
}: Extract<LanguageModelV3Content, { type: "tool-call" }>): ToolCallJson {
  return { id: toolCallId, type: "function", function: { name: toolName, arguments: input } };
}

export type FinishReasonJson = "stop" | "length" | "tool_calls" | "content_filter";

/** Why an answer ended, in OpenAI's words. @throws ApiError `upstream_garbage` when it is broken (a malformed tool call) */
export function finishReasonJson({ unified }: LanguageModelV3FinishReason): FinishReasonJson {
  switch (unified) {
    case "error":
      throw garbage();
    case "length":
      return "length";
    case "tool-calls":
      return "tool_calls";
    case "content-filter":
      return "content_filter";
    default:
      return "stop";
  }
}

/** What an answer and each chunk of one begin with. `model` is the upstream's word. */
export type Head = { id: string; object: string; created: number; model: string };

type Response = LanguageModelV3GenerateResult["response"];

export function headOf(response: Response, object: string, prefix: string, model: string): Head {
  return {
    id: response?.id || `${prefix}-${randomUUID()}`,
    object,
    created: Math.floor((response?.timestamp?.getTime() || Date.now()) / 1000),
    model,
  };
}
