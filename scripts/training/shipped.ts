import { readFile } from "node:fs/promises";
import { parseManifest } from "../../src/protocol/manifest.ts";
import type { TrainedModel } from "./model.ts";

/** Reads a committed model from `models/`, as it is: whether file and manifest agree is for a backend to check. */
export async function readShippedModel(name: "digits" | "iris"): Promise<TrainedModel> {
  const folder = new URL(`../../models/${name}/`, import.meta.url);
  const manifest = parseManifest(await readFile(new URL("manifest.json", folder), "utf8"));
  return { artefact: Uint8Array.from(await readFile(new URL("model.onnx", folder))), manifest };
}
