import { z } from "zod";
import { modelName, user } from "./fields.ts";
import { checkForm, type RequestForm } from "./requestForm.ts";

const imageRequest = z.strictObject({
  model: modelName,
  prompt: z.string().min(1).max(32_000),
  n: z.int().min(1).max(10).nullish(),
  size: z.union([z.literal("auto"), z.string().regex(/^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$/)]).nullish(),
  quality: z.enum(["auto", "low", "medium", "high", "standard", "hd"]).nullish(),
  style: z.enum(["vivid", "natural"]).nullish(),
  background: z.enum(["auto", "transparent", "opaque"]).nullish(),
  output_format: z.enum(["png", "jpeg", "webp"]).nullish(),
  // A URL would be an answer that no receipt covers.
  response_format: z
    .string()
    .refine((format) => format === "b64_json", { params: { code: "unsupported_parameter" }, message: "b64_json only" })
    .nullish(),
  user,
});

export type ImageRequest = z.infer<typeof imageRequest>;

/** `POST /v1/images/generations`. @throws ApiError 400, see {@link RequestForm} */
export function parseImageRequest(body: unknown): ImageRequest {
  return checkForm(imageRequest, body);
}

/** Units of input are tokens of the prompt, units of output are pictures. */
export const imageForm: RequestForm<ImageRequest> = {
  parse: parseImageRequest,
  asksForStream: () => false,
  inputUnitsAtMost: ({ prompt }) => BigInt(Buffer.byteLength(prompt) + 8),
  maxOutputOf: ({ n }) => n ?? 1,
};
