import { z } from "zod";

/** JSON schema: what is in it is for the upstream to judge. */
const jsonSchema = z.record(z.string(), z.unknown());
const name = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, "it is no name of 1 to 64 letters, digits, _ and -");

const tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name,
    description: z.string().nullish(),
    parameters: jsonSchema.nullish(),
    strict: z.boolean().nullish(),
  }),
});

export const tools = z.array(tool).min(1).max(128).nullish();

export const toolChoice = z
  .union([
    z.enum(["none", "auto", "required"]),
    z.strictObject({ type: z.literal("function"), function: z.strictObject({ name }) }),
  ])
  .nullish();

export const responseFormat = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({ type: z.literal("json_object") }),
    z.strictObject({
      type: z.literal("json_schema"),
      json_schema: z.strictObject({
        name,
        description: z.string().nullish(),
        schema: jsonSchema,
        strict: z.boolean().nullish(),
      }),
    }),
  ])
  .nullish();

export type ChatTool = z.infer<typeof tool>;
export type ToolChoice = z.infer<typeof toolChoice>;
export type ResponseFormat = z.infer<typeof responseFormat>;

type WithTools = { tools?: readonly ChatTool[] | null | undefined; tool_choice?: ToolChoice };

/** For `superRefine`: what is to be called is there. */
export function checkToolChoice({ tools, tool_choice }: WithTools, context: z.RefinementCtx): void {
  if (tool_choice === undefined || tool_choice === null) return;
  const chosen = typeof tool_choice === "string" ? undefined : tool_choice.function.name;
  const isThere = chosen === undefined ? tools?.length : tools?.some((one) => one.function.name === chosen);
  if (isThere) return;
  context.addIssue({ code: "custom", path: ["tool_choice"], message: "there is no such tool among tools" });
}
