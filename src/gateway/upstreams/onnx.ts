import type { LoadedModel } from "../../inference/backend.ts";
import type { Manifest } from "../../protocol/manifest.ts";
import { elementCount, type TensorSpec } from "../../protocol/tensor.ts";
import type { InferenceRequest } from "../requests/inference.ts";
import type { Upstream, UpstreamAnswer, UpstreamRequest } from "../upstream.ts";
import { toInferenceError } from "./onnxErrors.ts";
import { inputBytes, meaningOf } from "./onnxTensors.ts";
import { aborted, capTooLow } from "./upstreamErrors.ts";

export type ServedOnnx = { manifest: Manifest; model: Pick<LoadedModel, "run"> };

export type OnnxUpstreamOptions = {
  /**
   * The model of a name, checked against its manifest and ready to run; asked for at every call, so it keeps what it loaded.
   *
   * @throws ProtocolError what a backend's `load` throws
   */
  load(name: string): Promise<ServedOnnx>;
  close?(): Promise<void>;
};

/**
 * The project's own models, by the project's own backends. Units are tensor elements. A run can't be stopped half-way: when the
 * caller gives up, the answer is dropped.
 *
 * The body has nothing in it that another honest operator's wouldn't have: its bytes can be compared.
 */
export function createOnnxUpstream({ load, close }: OnnxUpstreamOptions): Upstream {
  async function infer(request: UpstreamRequest): Promise<UpstreamAnswer> {
    const { manifest, model } = await load(request.model);
    checkRoom(manifest, request);
    const output = await model.run(inputBytes(manifest, request.body as InferenceRequest));
    if (request.signal.aborted) throw aborted(request.signal.reason);
    return answerOf(manifest, request, output);
  }

  return {
    answer: {
      async "/v1/inference"(request) {
        try {
          return await infer(request);
        } catch (error) {
          throw toInferenceError(error);
        }
      },
    },
    stream: {},
    ...(close && { close }),
  };
}

function checkRoom({ outputs }: Manifest, { maxOutputUnits }: UpstreamRequest): void {
  const wanted = elementsOf(outputs);
  if (maxOutputUnits !== undefined && wanted > maxOutputUnits) throw capTooLow(wanted, maxOutputUnits);
}

function answerOf(manifest: Manifest, request: UpstreamRequest, output: Uint8Array): UpstreamAnswer {
  const [input_elements, output_elements] = [elementsOf(manifest.inputs), elementsOf(manifest.outputs)];
  const body = {
    object: "inference",
    model: request.body.model,
    output: Buffer.from(output).toString("base64"),
    ...meaningOf(manifest, output),
    usage: { input_elements, output_elements },
  };
  const served = { model: request.model, inputUnits: BigInt(input_elements), outputUnits: BigInt(output_elements) };
  return { body, served };
}

function elementsOf(specs: readonly TensorSpec[]): number {
  return specs.reduce((sum, spec) => sum + elementCount(spec), 0);
}
