import { env, InferenceSession, Tensor } from "onnxruntime-node";
import type { BackendOptions, InferenceBackend } from "./backend.ts";
import { loadOnnx, type OnnxRuntime } from "./onnxSession.ts";

/** onnxruntime's native library on the processor: the fast way, and the one nodes use, in a process. */
export function createOnnxNative({ threads = 1 }: BackendOptions = {}): InferenceBackend {
  const runtime: OnnxRuntime = {
    name: "onnxruntime-node",
    version: env.versions.node,
    Tensor,
    create: (artefact, options) => InferenceSession.create(artefact, options),
  };
  return {
    name: "onnx-native",
    load: (artefact, manifest) =>
      loadOnnx(runtime, artefact, manifest, { executionProviders: ["cpu"], intraOpNumThreads: threads }),
  };
}
