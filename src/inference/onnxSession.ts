import type { InferenceSession, TensorConstructor } from "onnxruntime-node";
import { ProtocolError } from "../protocol/errors.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { checkByteLength, decodeTensors, encodeTensors, type TensorSpec, type TypedArray } from "../protocol/tensor.ts";
import type { LoadedModel } from "./backend.ts";
import { checkArtefact } from "./checkArtefact.ts";

/** What both builds of onnxruntime, native and WebAssembly, have in common. */
export type OnnxRuntime = {
  /** `onnxruntime-node` or `onnxruntime-web`. */
  name: string;
  version: string | undefined;
  Tensor: TensorConstructor;
  create(artefact: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
};

/** Loads a model as {@link InferenceBackend.load} says, on the given build of onnxruntime. */
export async function loadOnnx(
  runtime: OnnxRuntime,
  source: Uint8Array,
  manifest: Manifest,
  options: InferenceSession.SessionOptions,
): Promise<LoadedModel> {
  const artefact = source.slice(); // what is checked is what is loaded, whatever the caller does meanwhile
  checkVersion(runtime, manifest);
  checkArtefact(artefact, manifest);
  const session = await createSession(runtime, artefact, manifest, options);
  return openModel(runtime, session, manifest);
}

function checkVersion(runtime: OnnxRuntime, { name, determinism }: Manifest): void {
  if (runtime.version === determinism.backendVersion) return;
  throw new ProtocolError(
    "model/backend-mismatch",
    `${runtime.name} is ${runtime.version}, model ${name} is made for ${determinism.backendVersion}: install that version`,
  );
}

async function createSession(
  runtime: OnnxRuntime,
  artefact: Uint8Array,
  manifest: Manifest,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    return await runtime.create(artefact, {
      ...options,
      graphOptimizationLevel: manifest.determinism.graphOptimizationLevel,
      executionMode: "sequential",
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new ProtocolError(
      "model/malformed",
      `${runtime.name} refuses model ${manifest.name}, only ONNX files it loads can be served: export it anew`,
      { cause },
    );
  }
}

function openModel({ name, Tensor }: OnnxRuntime, session: InferenceSession, manifest: Manifest): LoadedModel {
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  const infer = async (input: Uint8Array): Promise<Uint8Array> => {
    const values = decodeTensors(manifest.inputs, input);
    const feeds = manifest.inputs.map((spec, i) => [
      spec.name,
      new Tensor(spec.dtype, values[i] as never, [...spec.shape]),
    ]);
    const results = await runSession(name, session, Object.fromEntries(feeds), manifest);
    const output = encodeTensors(
      manifest.outputs,
      manifest.outputs.map((spec) => readResult(spec, results[spec.name])),
    );
    checkByteLength(manifest.outputs, output);
    return output;
  };

  return {
    run: async (input) => {
      if (closing !== undefined) {
        throw new ProtocolError("model/closed", `model ${manifest.name} is closed, only open ones run: load it again`);
      }
      const result = infer(input);
      running.add(result);
      try {
        return await result;
      } finally {
        running.delete(result);
      }
    },
    close: () => {
      closing ??= Promise.allSettled(running).then(() => session.release());
      return closing;
    },
  };
}

async function runSession(
  runtimeName: string,
  session: InferenceSession,
  feeds: InferenceSession.FeedsType,
  manifest: Manifest,
): Promise<InferenceSession.ReturnType> {
  try {
    return await session.run(feeds);
  } catch (cause) {
    throw new ProtocolError(
      "model/run-failed",
      `${runtimeName} could not run model ${manifest.name} on an input of the right form: see the cause`,
      { cause },
    );
  }
}

type OnnxTensor = InferenceSession.ReturnType[string];

function readResult(spec: TensorSpec, tensor: OnnxTensor | undefined): TypedArray {
  if (tensor?.type !== spec.dtype || String(tensor.dims) !== String(spec.shape)) {
    throw new ProtocolError(
      "tensor/wrong-shape",
      `result ${spec.name} is ${tensor?.type}[${tensor?.dims}], the manifest says ${spec.dtype}[${spec.shape}]: correct the manifest`,
    );
  }
  return tensor.data as TypedArray;
}
