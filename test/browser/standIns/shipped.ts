import type { TrainedModel } from "../../../scripts/training/model.ts";
import { parseManifest } from "../../../src/protocol/manifest.ts";

/** Loads a committed model from `models/`. */
export async function readShippedModel(name: "digits" | "iris"): Promise<TrainedModel> {
  const [manifest, artefact] = await Promise.all(
    ["manifest.json", "model.onnx"].map((file) => fetch(`/models/${name}/${file}`)),
  );
  if (!manifest?.ok || !artefact?.ok) throw new Error(`the page's server has no models/${name}`);
  return { manifest: parseManifest(await manifest.text()), artefact: new Uint8Array(await artefact.arrayBuffer()) };
}
