import type { LanguageModelV3FilePart, LanguageModelV3Message, LanguageModelV3TextPart } from "@ai-sdk/provider";
import { argumentsOf, type ChatMessage, type ImagePart, type TextPart } from "../requests/chatMessages.ts";

type Role<Name extends ChatMessage["role"]> = Extract<ChatMessage, { role: Name }>;

/** Messages as the libraries take them. A part stays a part; results of tools that follow each other become one message. */
export function promptOf(messages: readonly ChatMessage[]): LanguageModelV3Message[] {
  const toolNames = new Map<string, string>();
  const prompt: LanguageModelV3Message[] = [];
  for (const message of messages) {
    if (message.role === "assistant") {
      for (const call of message.tool_calls ?? []) toolNames.set(call.id, call.function.name);
    }
    if (message.role === "tool") addToolResult(prompt, message, toolNames.get(message.tool_call_id) ?? "");
    else prompt.push(...messageOf(message));
  }
  return prompt;
}

function messageOf(message: Exclude<ChatMessage, { role: "tool" }>): LanguageModelV3Message[] {
  switch (message.role) {
    case "system":
    case "developer":
      return textsOf(message.content).map((content) => ({ role: "system", content }));
    case "user":
      return [{ role: "user", content: userParts(message) }];
    case "assistant":
      return [{ role: "assistant", content: assistantParts(message) }];
  }
}

function userParts({ content }: Role<"user">): (LanguageModelV3TextPart | LanguageModelV3FilePart)[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return content.map((part) => (part.type === "text" ? { type: "text", text: part.text } : pictureOf(part)));
}

function pictureOf({ image_url: { url, detail } }: ImagePart): LanguageModelV3FilePart {
  const options =
    detail === undefined || detail === null ? {} : { providerOptions: { openai: { imageDetail: detail } } };
  if (!url.startsWith("data:")) return { type: "file", mediaType: "image/*", data: new URL(url), ...options };
  const comma = url.indexOf(",");
  const mediaType = url.slice("data:".length, url.indexOf(";"));
  return { type: "file", mediaType, data: url.slice(comma + 1), ...options };
}

function assistantParts({ content, reasoning_content, tool_calls }: Role<"assistant">) {
  return [
    ...(reasoning_content ? [{ type: "reasoning" as const, text: reasoning_content }] : []),
    ...textsOf(content ?? []).map((text) => ({ type: "text" as const, text })),
    ...(tool_calls ?? []).map((call) => ({
      type: "tool-call" as const,
      toolCallId: call.id,
      toolName: call.function.name,
      input: argumentsOf(call.function.arguments),
    })),
  ];
}

function addToolResult(prompt: LanguageModelV3Message[], message: Role<"tool">, toolName: string): void {
  const value = textsOf(message.content).join("\n");
  const result = {
    type: "tool-result" as const,
    toolCallId: message.tool_call_id,
    toolName,
    output: { type: "text" as const, value },
  };
  const last = prompt.at(-1);
  if (last?.role === "tool") last.content.push(result);
  else prompt.push({ role: "tool", content: [result] });
}

function textsOf(content: string | readonly TextPart[]): string[] {
  return typeof content === "string" ? [content] : content.map(({ text }) => text);
}
