import { json } from "node:stream/consumers";
import { readShippedModel } from "../../scripts/training/shipped.ts";
import { createOnnxNative } from "../../src/inference/onnxNative.ts";
import { type Controls, runControls } from "./controls.ts";
import { runAll } from "./runAll.ts";

// Runs both shipped models on the processor it finds itself on, real or emulated: a Task comes in on standard input, a
// Report goes out, both JSON with bytes in hex.

export type Task = { digits: string[]; iris: string[] };
export type Report = { controls: Controls; results: Task };

async function runModel(name: keyof Task, inputs: string[]): Promise<string[]> {
  const bytes = inputs.map((input) => Uint8Array.from(Buffer.from(input, "hex")));
  const results = await runAll(createOnnxNative({ threads: 1 }), await readShippedModel(name), bytes);
  return results.map((result) => Buffer.from(result).toString("hex"));
}

const task = (await json(process.stdin)) as Task;
const results = { digits: await runModel("digits", task.digits), iris: await runModel("iris", task.iris) };
const report: Report = { controls: await runControls(), results };
console.log(JSON.stringify(report));
