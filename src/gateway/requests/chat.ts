import { z } from "zod";
import { type ChatMessage, checkToolResults, message } from "./chatMessages.ts";
import { checkToolChoice, responseFormat, toolChoice, tools } from "./chatTools.ts";
import { checkStreamOptions, modelName, one, outputTokens, sampling, streaming, user } from "./fields.ts";
import { checkForm, type RequestForm } from "./requestForm.ts";

/**
 * What a picture counts as, in tokens, wherever an upper bound is needed: as much as Anthropic and Google count for their
 * largest. Some small models of OpenAI count more; the cap holds for them too.
 */
export const PICTURE_UNITS = 4_800;

const chatRequest = z
  .strictObject({
    model: modelName,
    messages: z.array(message).min(1),
    ...sampling,
    ...streaming,
    n: one,
    max_tokens: outputTokens,
    max_completion_tokens: outputTokens,
    tools,
    tool_choice: toolChoice,
    parallel_tool_calls: z.boolean().nullish(),
    response_format: responseFormat,
    reasoning_effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh"]).nullish(),
    user,
    metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  })
  .superRefine((request, context) => {
    checkStreamOptions(request, context);
    checkToolChoice(request, context);
    checkToolResults(request.messages, context);
    if (typeof request.max_tokens !== "number" || typeof request.max_completion_tokens !== "number") return;
    const problem = "it says the same as max_completion_tokens: send one of them";
    context.addIssue({ code: "custom", path: ["max_tokens"], message: problem });
  });

export type ChatRequest = z.infer<typeof chatRequest>;

/** `POST /v1/chat/completions`. @throws ApiError 400, see {@link RequestForm} */
export function parseChatRequest(body: unknown): ChatRequest {
  return checkForm(chatRequest, body);
}

/** Units are tokens: of text at most one a byte, what surrounds it included. */
export const chatForm: RequestForm<ChatRequest> = {
  parse: parseChatRequest,
  asksForStream: ({ stream }) => stream === true,
  inputUnitsAtMost({ messages, tools, response_format }) {
    const written = JSON.stringify([messages.map(withoutPictures), tools, response_format]);
    return BigInt(Buffer.byteLength(written) + PICTURE_UNITS * messages.reduce((sum, one) => sum + picturesOf(one), 0));
  },
  maxOutputOf: ({ max_tokens, max_completion_tokens }) => max_completion_tokens ?? max_tokens ?? undefined,
};

function withoutPictures(message: ChatMessage): unknown {
  if (message.role !== "user" || typeof message.content === "string") return message;
  return { ...message, content: message.content.filter(({ type }) => type === "text") };
}

function picturesOf({ role, content }: ChatMessage): number {
  if (role !== "user" || typeof content === "string") return 0;
  return content.filter(({ type }) => type === "image_url").length;
}
