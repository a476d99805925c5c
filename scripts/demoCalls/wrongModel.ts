import type { ServedOnnx } from "../../src/gateway/upstreams/onnx.ts";
import { byteLengthOf, elementCount } from "../../src/protocol/tensor.ts";

/**
 * A model whose every answer is wrong and looks like one: each score is the neighbouring class's, so that it names the class
 * after the true one. Whoever signs that signs what it sends: no receipt shows it.
 */
export function wrongModel({ manifest, model }: ServedOnnx, onLie: () => void): ServedOnnx {
  const { outputs } = manifest;
  const elements = outputs.reduce((sum, spec) => sum + elementCount(spec), 0);
  const bytesOfOne = byteLengthOf(outputs) / elements;
  return {
    manifest,
    model: {
      async run(input) {
        const output = await model.run(input);
        onLie();
        const kept = output.length - bytesOfOne;
        return Uint8Array.from([...output.subarray(kept), ...output.subarray(0, kept)]);
      },
    },
  };
}
