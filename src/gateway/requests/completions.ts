import { z } from "zod";
import { checkStreamOptions, modelName, one, outputTokens, sampling, streaming, user } from "./fields.ts";
import { checkForm, type RequestForm } from "./requestForm.ts";

const completionRequest = z
  .strictObject({
    model: modelName,
    prompt: z.string().min(1),
    suffix: z.string().nullish(),
    ...sampling,
    ...streaming,
    n: one,
    max_tokens: outputTokens,
    user,
  })
  .superRefine(checkStreamOptions);

export type CompletionRequest = z.infer<typeof completionRequest>;

/** `POST /v1/completions`. @throws ApiError 400, see {@link RequestForm} */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  return checkForm(completionRequest, body);
}

/** Units are tokens: at most one a byte, and a few that begin and part the text. */
export const completionForm: RequestForm<CompletionRequest> = {
  parse: parseCompletionRequest,
  asksForStream: ({ stream }) => stream === true,
  inputUnitsAtMost: ({ prompt, suffix }) => BigInt(Buffer.byteLength(prompt) + Buffer.byteLength(suffix ?? "") + 8),
  maxOutputOf: ({ max_tokens }) => max_tokens ?? undefined,
};
