import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { digitsHeldOut, irisAll, type Sample, spread } from "../scripts/training/datasets.ts";
import { scoreIrisFolds } from "../scripts/training/iris.ts";
import { type Score, score, type TrainedModel } from "../scripts/training/model.ts";
import { readShippedModel } from "../scripts/training/shipped.ts";
import type { InferenceBackend } from "../src/inference/backend.ts";
import { decodeOnnx } from "../src/inference/onnxGraph.ts";
import { createOnnxNative } from "../src/inference/onnxNative.ts";
import { createOnnxWasm } from "../src/inference/onnxWasm.ts";
import { type Emulated, measureEmulated } from "./models/emulated.ts";
import { runAll } from "./models/runAll.ts";

// Measures how good the models are and whether their bytes are the same however they are run, and on emulated
// processors. Needs Linux on x64 and qemu-user (Debian: apt-get install qemu-user).
//   node bench/models.bench.ts            writes bench/results/models.json; exit code 1 when a floor is missed
//   node bench/models.bench.ts --check    writes nothing; exit code 1 as well when a figure isn't the committed one

const RESULTS = new URL("results/models.json", import.meta.url);
const ROOT = new URL("..", import.meta.url);
const FLOORS = { digits: 0.96, iris: 0.93 } as const;

type SameBytes = { threads: boolean; wasm: boolean; inputs: number };
type Result = { name: keyof typeof FLOORS; accuracy: number; cases: number; parameters: number; sameBytes: SameBytes };
type Figures = { models: Result[]; emulated: Emulated[] };

async function main(): Promise<void> {
  const emulated = await measureEmulated();
  const [digits, iris] = [await readShippedModel("digits"), await readShippedModel("iris")];
  const heldOut = digitsHeldOut();
  const models = [
    await measure("digits", digits, await score(digits, heldOut), spread(heldOut, 500)),
    await measure("iris", iris, await scoreIrisFolds(), irisAll()),
  ];
  const report = {
    models,
    emulated,
    machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${process.platform} ${process.arch}`,
    node: process.version,
    onnxruntime: digits.manifest.determinism.backendVersion,
    commit: execFileSync("git", ["rev-parse", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim(),
    date: new Date().toISOString(),
  };
  if (process.argv.includes("--check")) await compareWithCommitted({ models, emulated });
  else await writeFile(RESULTS, `${JSON.stringify(report, null, 2)}\n`);
  console.log(report.machine);
  for (const model of models) console.log(describe(model));
  for (const run of emulated) console.log(describeEmulated(run));
  if (!models.every(isGoodEnough) || !emulated.every(({ same }) => same)) process.exitCode = 1;
}

async function compareWithCommitted(figures: Figures): Promise<void> {
  const { models, emulated }: Figures = JSON.parse(await readFile(RESULTS, "utf8"));
  const committed = { models, emulated };
  if (isDeepStrictEqual(committed, figures)) return;
  console.error(`measured ${JSON.stringify(figures)}, committed ${JSON.stringify(committed)}`);
  process.exitCode = 1;
}

async function measure(
  name: Result["name"],
  model: TrainedModel,
  { correct, cases }: Score,
  samples: Sample[],
): Promise<Result> {
  const inputs = samples.map(({ inputBytes }) => inputBytes);
  const wanted = await runAll(createOnnxNative({ threads: 1 }), model, inputs);
  const same = async (backend: InferenceBackend) => equalBytes(wanted, await runAll(backend, model, inputs));
  const [threads, wasm] = [await same(createOnnxNative({ threads: 2 })), await same(createOnnxWasm({ threads: 1 }))];
  const sameBytes = { threads, wasm, inputs: inputs.length };
  return { name, accuracy: correct / cases, cases, parameters: countParameters(model), sameBytes };
}

function equalBytes(some: Uint8Array[], others: Uint8Array[]): boolean {
  return (
    some.length === others.length && some.every((bytes, i) => Buffer.compare(bytes, others[i] as Uint8Array) === 0)
  );
}

/** Weights and biases: every constant that isn't a scalar of the arithmetic. */
function countParameters({ artefact }: TrainedModel): number {
  const learned = decodeOnnx(artefact).constants.filter(({ shape }) => shape.length > 0);
  return learned.reduce((sum, { shape }) => sum + shape.reduce((product, dimension) => product * dimension, 1), 0);
}

function isGoodEnough({ name, accuracy, sameBytes }: Result): boolean {
  return accuracy >= FLOORS[name] && sameBytes.threads && sameBytes.wasm;
}

function describe({ name, accuracy, cases, parameters, sameBytes }: Result): string {
  const { threads, wasm, inputs } = sameBytes;
  return (
    `${name}: ${(accuracy * 100).toFixed(2)} % of ${cases} cases (floor ${FLOORS[name] * 100} %), ${parameters} parameters; ` +
    `over ${inputs} inputs 1 and 2 threads: ${inWords(threads)}, native and WebAssembly: ${inWords(wasm)}`
  );
}

function describeEmulated({ cpu, inputs, same }: Emulated): string {
  return `emulated ${cpu} and this processor, over ${inputs} inputs of both models: ${inWords(same)}`;
}

function inWords(same: boolean): string {
  return same ? "same bytes" : "DIFFERENT BYTES";
}

await main();
