import { badRequest } from "../../protocol/apiError.ts";
import type { Manifest } from "../../protocol/manifest.ts";
import { oneLine } from "../../protocol/oneLine.ts";
import { decodeTensors, encodeTensors, type TypedArray } from "../../protocol/tensor.ts";
import type { InferenceRequest } from "../requests/inference.ts";

/** @throws ApiError 400 `invalid_value`; ProtocolError `tensor/…` */
export function inputBytes({ inputs: specs }: Manifest, { input, inputs }: InferenceRequest): Uint8Array {
  if (typeof input === "string") return new Uint8Array(Buffer.from(input, "base64"));
  const given = inputs ?? {};
  const names = specs.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrongInput(unknown, names);
  return encodeTensors(
    specs,
    names.map((name) => (Object.hasOwn(given, name) ? (given[name] ?? []) : missing(name, names))),
  );
}

/** Each output's numbers and, where the output is one score for each label, the label of the highest. */
export function meaningOf({ outputs: specs, labels }: Manifest, output: Uint8Array) {
  const tensors = decodeTensors(specs, output);
  const outputs = Object.fromEntries(specs.map(({ name }, i) => [name, Array.from(tensors[i] as TypedArray)]));
  const [scores, ...others] = tensors;
  const isClasses = scores !== undefined && others.length === 0 && scores.length > 0 && scores.length === labels.length;
  return { outputs, ...(isClasses && { label: labels[indexOfHighest(scores)] }) };
}

/** Of equal ones the first. */
function indexOfHighest(scores: TypedArray): number {
  return Array.from(scores).reduce((best, score, i, all) => (score > (all[best] as number) ? i : best), 0);
}

function missing(name: string, names: readonly string[]): never {
  throw wrongInput(name, names);
}

function wrongInput(name: string, names: readonly string[]) {
  const wanted = `the model takes ${names.join(", ")}, each once`;
  return badRequest(oneLine(`inputs.${name}: ${wanted}`), "invalid_value", `inputs.${name}`.slice(0, 200));
}
