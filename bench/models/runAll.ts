import type { TrainedModel } from "../../scripts/training/model.ts";
import type { InferenceBackend } from "../../src/inference/backend.ts";

/** The result bytes of every input, one after the other. */
export async function runAll(
  backend: InferenceBackend,
  model: TrainedModel,
  inputs: Uint8Array[],
): Promise<Uint8Array[]> {
  const loaded = await backend.load(model.artefact, model.manifest);
  const results: Uint8Array[] = [];
  for (const input of inputs) results.push(await loaded.run(input));
  await loaded.close();
  return results;
}
