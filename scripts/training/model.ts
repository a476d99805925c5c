import { keccak256 } from "viem";
import { createOnnxNative } from "../../src/inference/onnxNative.ts";
import { type Accuracy, type Manifest, parseManifest } from "../../src/protocol/manifest.ts";
import { byteLengthOf, decodeTensors, type TensorSpec } from "../../src/protocol/tensor.ts";
import type { Sample } from "./datasets.ts";
import { exportOnnx } from "./exportOnnx.ts";
import type { IntegerNetwork } from "./quantise.ts";

/** The two files of a model. */
export type TrainedModel = { artefact: Uint8Array; manifest: Manifest };

export type Score = { correct: number; cases: number };

/** The parts of a manifest that are known before training. */
export type ModelCard = Pick<Manifest, "name" | "version" | "inputs" | "outputs" | "labels" | "licence">;

const UNMEASURED: Accuracy = { metric: "none", accuracyPpm: 0, cases: 1, split: "none" };

/** Exports a network and describes it; its accuracy is put in by {@link withAccuracy} once it is measured. */
export function describeModel(card: ModelCard, network: IntegerNetwork): TrainedModel {
  const [input, output] = [card.inputs[0] as TensorSpec, card.outputs[0] as TensorSpec];
  const artefact = exportOnnx(card.name, network, input, output);
  const manifest = parseManifest({
    name: card.name,
    version: card.version,
    format: "onnx",
    artefact: { hash: keccak256(artefact), sizeBytes: artefact.length, uris: ["model.onnx"] },
    inputs: card.inputs,
    outputs: card.outputs,
    labels: card.labels,
    determinism: {
      kind: "integer-only",
      backend: "onnxruntime",
      backendVersion: "1.30.0",
      graphOptimizationLevel: "disabled", // what runs is what is hashed
      weightBits: 7,
      activationBits: 8,
    },
    bitExact: true,
    maxResultBytes: byteLengthOf(card.outputs),
    licence: card.licence,
    accuracy: UNMEASURED,
  });
  return { artefact, manifest };
}

export function withAccuracy(model: TrainedModel, score: Score, split: string): TrainedModel {
  const accuracyPpm = Math.floor((score.correct * 1_000_000) / score.cases);
  const accuracy = { metric: "top-1", accuracyPpm, cases: score.cases, split };
  return { ...model, manifest: { ...model.manifest, accuracy } };
}

/** Counts how often the largest logit names the right class, on the exported file as nodes run it. */
export async function score({ artefact, manifest }: TrainedModel, samples: Sample[]): Promise<Score> {
  const model = await createOnnxNative().load(artefact, manifest);
  let correct = 0;
  for (const { inputBytes, label } of samples) {
    const [logits] = decodeTensors(manifest.outputs, await model.run(inputBytes));
    if (logits !== undefined && logits.indexOf(Math.max(...logits)) === label) correct++;
  }
  await model.close();
  return { correct, cases: samples.length };
}
