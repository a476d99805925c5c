import { mkdir, readFile, writeFile } from "node:fs/promises";
import { buildDigits } from "./training/digits.ts";
import { buildIris } from "./training/iris.ts";
import type { TrainedModel } from "./training/model.ts";

// Trains the models in models/ and writes them; with --check, trains and compares with what is there instead.
//   node scripts/train-models.ts [--check]

const MODELS = new URL("../models/", import.meta.url);

async function main(): Promise<void> {
  const isCheck = process.argv.includes("--check");
  for (const build of [buildDigits, buildIris]) {
    const startedAt = Date.now();
    const model = await build();
    const { name, accuracy } = model.manifest;
    const changed = await (isCheck ? compare(model) : write(model));
    if (isCheck && changed.length > 0) process.exitCode = 1;
    console.log(
      `${name}: ${accuracy.accuracyPpm / 10_000} % of ${accuracy.cases} (${accuracy.split}), ` +
        `${model.artefact.length} bytes, ${Date.now() - startedAt} ms, ` +
        (changed.length === 0 ? "unchanged" : `${isCheck ? "differs" : "written"}: ${changed.join(", ")}`),
    );
  }
}

function filesOf({ artefact, manifest }: TrainedModel): [string, Uint8Array][] {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  return [
    [`${manifest.name}/model.onnx`, artefact],
    [`${manifest.name}/manifest.json`, new TextEncoder().encode(text)],
  ];
}

/** The paths whose content isn't what training gives. */
async function compare(model: TrainedModel): Promise<string[]> {
  const differing: string[] = [];
  for (const [path, bytes] of filesOf(model)) {
    const there = await readFile(new URL(path, MODELS)).catch(() => undefined);
    if (there === undefined || !there.equals(bytes)) differing.push(path);
  }
  return differing;
}

async function write(model: TrainedModel): Promise<string[]> {
  const changed = await compare(model);
  await mkdir(new URL(`${model.manifest.name}/`, MODELS), { recursive: true });
  for (const [path, bytes] of filesOf(model)) {
    if (changed.includes(path)) await writeFile(new URL(path, MODELS), bytes);
  }
  return changed;
}

await main();
