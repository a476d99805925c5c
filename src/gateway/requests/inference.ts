import { z } from "zod";
import { isBase64 } from "./base64.ts";
import { modelName } from "./fields.ts";
import { checkForm, type RequestForm } from "./requestForm.ts";

const inferenceRequest = z
  .strictObject({
    model: modelName,
    /** The input tensors' bytes in the manifest's order, base64. */
    input: z.string().refine(isBase64, "it is no base64").nullish(),
    /** Or each tensor's numbers under its name, row by row. */
    inputs: z.record(z.string().max(256), z.array(z.number()).min(1)).nullish(),
  })
  .refine(({ input, inputs }) => (typeof input === "string") !== (typeof inputs === "object" && inputs !== null), {
    path: ["input"],
    message: "send either input or inputs",
  });

export type InferenceRequest = z.infer<typeof inferenceRequest>;

/** `POST /v1/inference`, the project's own route for tensors. @throws ApiError 400, see {@link RequestForm} */
export function parseInferenceRequest(body: unknown): InferenceRequest {
  return checkForm(inferenceRequest, body);
}

/** Units are tensor elements: at most one a byte. How many come out, the model says. */
export const inferenceForm: RequestForm<InferenceRequest> = {
  parse: parseInferenceRequest,
  asksForStream: () => false,
  inputUnitsAtMost: ({ input, inputs }) =>
    BigInt(
      typeof input === "string"
        ? Buffer.byteLength(input, "base64")
        : Object.values(inputs ?? {}).reduce((sum, values) => sum + values.length, 0),
    ),
  maxOutputOf: () => undefined,
};
