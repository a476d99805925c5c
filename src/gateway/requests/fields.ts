import { z } from "zod";
import { MODEL_NAME } from "../../protocol/modelName.ts";

/** A field's `null` is its absence, as in OpenAI's API. */

/** The network's name of a model, `provider/model`. */
export const modelName = z.string().regex(MODEL_NAME, "it is no name like provider/model");

/** One answer a request: more would be more calls. */
export const one = z
  .number()
  .refine((n) => n === 1, {
    params: { code: "unsupported_parameter" },
    message: "one answer a request, ask again for more",
  })
  .nullish();

const penalty = z.number().min(-2).max(2).nullish();

/** How an answer is drawn: chat and completions have these in common. */
export const sampling = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(4)]).nullish(),
};

export const outputTokens = z.int().min(1).nullish();
export const user = z.string().min(1).max(256).nullish();

export const streaming = {
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().nullish() }).nullish(),
};

/** For `superRefine`: options of a stream are for streams. */
export function checkStreamOptions(
  { stream, stream_options }: { stream?: boolean | null | undefined; stream_options?: object | null | undefined },
  context: z.RefinementCtx,
): void {
  if (stream === true || stream_options === undefined || stream_options === null) return;
  context.addIssue({ code: "custom", path: ["stream_options"], message: "it is for streams: set stream to true" });
}
