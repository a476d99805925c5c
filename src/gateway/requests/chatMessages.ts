import { z } from "zod";
import { isBase64 } from "./base64.ts";

/** Pictures every provider knows. */
const PICTURE = /^data:image\/(?:png|jpeg|gif|webp);base64,/;

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });

const imagePart = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({
    url: z.string().refine(isPictureUrl, "it is neither a https URL nor a base64 data URL of a png, jpeg, gif or webp"),
    detail: z.enum(["auto", "low", "high"]).nullish(),
  }),
});

const text = z.union([z.string(), z.array(z.discriminatedUnion("type", [textPart])).min(1)]);
const textAndPictures = z.union([z.string(), z.array(z.discriminatedUnion("type", [textPart, imagePart])).min(1)]);

const toolCall = z.strictObject({
  id: z.string().min(1),
  type: z.literal("function"),
  function: z.strictObject({
    name: z.string().min(1),
    arguments: z.string().refine(isJsonObject, "it is no JSON object"),
  }),
});

const assistant = z
  .strictObject({
    role: z.literal("assistant"),
    content: text.nullish(),
    // What an answer's message has besides, so that it can be sent back as it came.
    refusal: z.null().optional(),
    reasoning_content: z.string().nullish(),
    tool_calls: z.array(toolCall).min(1).nullish(),
  })
  .refine(({ content, tool_calls }) => (content ?? tool_calls ?? undefined) !== undefined, {
    path: ["content"],
    message: "it may be left out only where there are tool_calls",
  });

export const message = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content: text }),
  z.strictObject({ role: z.literal("developer"), content: text }),
  z.strictObject({ role: z.literal("user"), content: textAndPictures }),
  assistant,
  z.strictObject({ role: z.literal("tool"), content: text, tool_call_id: z.string().min(1) }),
]);

export type ChatMessage = z.infer<typeof message>;
export type TextPart = z.infer<typeof textPart>;
export type ImagePart = z.infer<typeof imagePart>;

/** For `superRefine`: a tool's result answers a call that was made before it. */
export function checkToolResults(messages: readonly ChatMessage[], context: z.RefinementCtx): void {
  const called = new Set<string>();
  messages.forEach((one, i) => {
    if (one.role === "assistant") for (const { id } of one.tool_calls ?? []) called.add(id);
    if (one.role !== "tool" || called.has(one.tool_call_id)) return;
    const problem = "no message before it calls a tool under this id";
    context.addIssue({ code: "custom", path: ["messages", i, "tool_call_id"], message: problem });
  });
}

/** A tool call's arguments. Models that call a tool without any may say nothing at all. */
export function argumentsOf(json: string): Record<string, unknown> {
  return json === "" ? {} : JSON.parse(json);
}

function isJsonObject(json: string): boolean {
  try {
    const value: unknown = argumentsOf(json);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function isPictureUrl(url: string): boolean {
  if (!url.startsWith("data:")) return url.startsWith("https://") && URL.canParse(url);
  return PICTURE.test(url) && isBase64(url.slice(url.indexOf(",") + 1));
}
