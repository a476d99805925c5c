import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { ProtocolError } from "../protocol/errors.ts";
import type { BackendOptions, InferenceBackend } from "./backend.ts";
import { loadOnnx, type OnnxRuntime } from "./onnxSession.ts";

/** The WebAssembly module is started once in a process, with as many threads as the first backend asked for. */
let startedThreads: number | undefined;

/**
 * onnxruntime as WebAssembly, from the package's own files: slower, and the same everywhere WebAssembly runs.
 * @throws ProtocolError `backend/threads-fixed` when this process already runs it with another number of threads
 */
export function createOnnxWasm({ threads = 1 }: BackendOptions = {}): InferenceBackend {
  if (startedThreads !== undefined && startedThreads !== threads) {
    throw new ProtocolError(
      "backend/threads-fixed",
      `WebAssembly runs with ${startedThreads} threads here, got ${threads}: use one number in a process`,
    );
  }
  startedThreads = threads;
  env.wasm.numThreads = threads;
  const runtime: OnnxRuntime = {
    name: "onnxruntime-web",
    version: env.versions.web,
    Tensor,
    create: (artefact, options) => InferenceSession.create(artefact, options),
  };
  return {
    name: "onnx-wasm",
    load: (artefact, manifest) => loadOnnx(runtime, artefact, manifest, { executionProviders: ["wasm"] }),
  };
}
