import { z } from "zod";
import { modelName, user } from "./fields.ts";
import { checkForm, type RequestForm } from "./requestForm.ts";

/** Tokens a text may have besides those of its bytes: its beginning and its end. */
const FRAME_UNITS = 4;

const text = z.string().min(1);

const embeddingRequest = z.strictObject({
  model: modelName,
  input: z.union([text, z.array(text).min(1).max(2048)]),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).max(65_536).nullish(),
  user,
});

export type EmbeddingRequest = z.infer<typeof embeddingRequest>;

/** `POST /v1/embeddings`. @throws ApiError 400, see {@link RequestForm} */
export function parseEmbeddingRequest(body: unknown): EmbeddingRequest {
  return checkForm(embeddingRequest, body);
}

/** Units are tokens of the input; an embedding counts as no output. */
export const embeddingForm: RequestForm<EmbeddingRequest> = {
  parse: parseEmbeddingRequest,
  asksForStream: () => false,
  inputUnitsAtMost: (request) =>
    BigInt(textsOf(request).reduce((sum, one) => sum + Buffer.byteLength(one) + FRAME_UNITS, 0)),
  maxOutputOf: () => 0,
};

export function textsOf({ input }: EmbeddingRequest): string[] {
  return typeof input === "string" ? [input] : input;
}
