import { type Hex, stringToBytes } from "viem";
import { keccak256 } from "#keccak";
import { ProtocolError } from "./errors.ts";
import { byteLengthOf, DTYPES, describeSpecs, type TensorSpec } from "./tensor.ts";

/** What a model is, in the words everybody who serves or checks it agrees on. Its hash is part of the model's identity. */
export type Manifest = {
  /** What a person types after the publisher's name: lower case, digits, `-` and `.`. */
  name: string;
  /** Three numbers, `1.0.0`. */
  version: string;
  format: "onnx";
  artefact: Artefact;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
  /** Class names in the order of the logits; empty when the output isn't classes. */
  labels: readonly string[];
  determinism: Determinism;
  /** True: every honest operator gets the same bytes. Only such models may be verified by comparing hashes. */
  bitExact: true;
  /** Upper bound of the result's bytes. */
  maxResultBytes: number;
  licence: Licence;
  accuracy: Accuracy;
};

export type Artefact = {
  /** keccak256 of the file. */
  hash: Hex;
  sizeBytes: number;
  /** Where the file is found, in the order to try; relative ones are resolved against the manifest's own URI. */
  uris: readonly string[];
};

/** How to run the model so that the result's bytes come out the same on every machine. */
export type Determinism = {
  /** No floating point anywhere between the input and the result. */
  kind: "integer-only";
  backend: "onnxruntime";
  backendVersion: string;
  graphOptimizationLevel: GraphOptimizationLevel;
  /** 7: weights lie in −63 … 63, so no processor's byte products saturate. */
  weightBits: 7;
  activationBits: 8;
};

export type GraphOptimizationLevel = "disabled" | "basic" | "extended" | "all";

export type Licence = {
  /** SPDX identifier. */
  model: string;
  /** One line on what the model was trained on, and under which terms. */
  data: string;
};

export type Accuracy = {
  metric: string;
  /** Millionths: 970000 is 97 %. */
  accuracyPpm: number;
  /** How many cases it was measured on. */
  cases: number;
  /** One line on which cases. */
  split: string;
};

/** Longest manifest that is read, in characters. */
export const MAX_MANIFEST_LENGTH = 65_536;

/** Most dimensions a tensor may have. */
export const MAX_DIMENSIONS = 8;

const MAX_ARTEFACT_BYTES = 2 ** 31 - 1;
const MAX_LIST = 10_000;
const LEVELS = ["disabled", "basic", "extended", "all"] as const;

/**
 * JSON in the one form of RFC 8785: keys sorted by UTF-16 code units, no white space, strings as ECMAScript writes them.
 * Numbers are whole and safe (±2^53 − 1), so that no two programs can write one differently.
 * @throws ProtocolError `manifest/invalid` on anything else that JSON can't say, or says in more than one way
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return canonicalNumber(value);
  if (typeof value === "string") return canonicalString(value);
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(",")}]`;
  if (isPlainObject(value)) return canonicalObject(value);
  throw invalid("value", typeof value, "null, a boolean, a whole number, a string, a list or a plain object");
}

/** keccak256 of the manifest's canonical JSON in UTF-8: the same for every way of writing the same manifest. */
export function manifestHash(manifest: Manifest): Hex {
  return keccak256(stringToBytes(canonicalJson(manifest)));
}

/**
 * Reads a manifest from its text or from parsed JSON. Unknown, missing and ill-formed fields are refused.
 * @throws ProtocolError `manifest/invalid` naming the field, what it holds and what it may hold
 */
export function parseManifest(source: unknown): Manifest {
  const root = readObject("manifest", typeof source === "string" ? parseText(source) : source, [
    "name",
    "version",
    "format",
    "artefact",
    "inputs",
    "outputs",
    "labels",
    "determinism",
    "bitExact",
    "maxResultBytes",
    "licence",
    "accuracy",
  ]);
  const outputs = readTensors("outputs", root.outputs);
  return {
    name: readText("name", root.name, /^[a-z0-9][a-z0-9.-]{0,63}$/, "lower-case letters, digits, - and ., at most 64"),
    version: readText("version", root.version, /^\d{1,9}\.\d{1,9}\.\d{1,9}$/, "three numbers like 1.0.0"),
    format: readOneOf("format", root.format, ["onnx"]),
    artefact: readArtefact(root.artefact),
    inputs: readTensors("inputs", root.inputs),
    outputs,
    labels: readList("labels", root.labels, 0, (at, item) => readLine(at, item)),
    determinism: readDeterminism(root.determinism),
    bitExact: readOneOf("bitExact", root.bitExact, [true]),
    maxResultBytes: readInteger("maxResultBytes", root.maxResultBytes, byteLengthOf(outputs), 2 ** 32 - 1),
    licence: readLicence(root.licence),
    accuracy: readAccuracy(root.accuracy),
  };
}

/**
 * The artefact's places as absolute URIs.
 * @param manifestUri where the manifest was read from (`https:`, `ipfs:` or `file:`, for one); from any other place,
 * relative ones stay as they are
 */
export function resolveArtefactUris(manifest: Manifest, manifestUri: string): string[] {
  return manifest.artefact.uris.map((uri) => URL.parse(uri, manifestUri)?.href ?? uri);
}

function canonicalNumber(value: number): string {
  if (!Number.isSafeInteger(value)) throw invalid("number", String(value), "a whole number within ±(2^53 − 1)");
  return String(value === 0 ? 0 : value); // −0 is written 0
}

function canonicalString(value: string): string {
  if (!value.isWellFormed()) throw invalid("text", JSON.stringify(value), "well-formed Unicode (no lone surrogates)");
  return JSON.stringify(value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function canonicalObject(value: Record<string, unknown>): string {
  const keys = Object.keys(value).sort(); // by UTF-16 code units, as the standard wants
  return `{${keys.map((key) => `${canonicalString(key)}:${canonicalJson(value[key])}`).join(",")}}`;
}

function parseText(text: string): unknown {
  if (text.length > MAX_MANIFEST_LENGTH) {
    throw invalid("manifest", `${text.length} characters`, `at most ${MAX_MANIFEST_LENGTH}`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("manifest/invalid", "manifest is not JSON: check that the URI names a manifest file", {
      cause,
    });
  }
}

function readArtefact(value: unknown): Artefact {
  const fields = readObject("artefact", value, ["hash", "sizeBytes", "uris"]);
  return {
    hash: readText("artefact.hash", fields.hash, /^0x[0-9a-f]{64}$/, "0x and 64 lower-case hex digits") as Hex,
    sizeBytes: readInteger("artefact.sizeBytes", fields.sizeBytes, 1, MAX_ARTEFACT_BYTES),
    uris: readList("artefact.uris", fields.uris, 1, readUri),
  };
}

/** Relative paths stay under the manifest's own folder; absolute URIs can't name files of the machine that reads them. */
function readUri(at: string, value: unknown): string {
  const uri = readLine(at, value);
  const relative = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;
  const absolute = /^(https?|ipfs|ar):\/\/[^\s/]\S*$/;
  if (!relative.test(uri) && !absolute.test(uri)) {
    throw invalid(at, JSON.stringify(uri), "a relative path without .. or an https, http, ipfs or ar URI");
  }
  return uri;
}

function readTensors(at: string, value: unknown): TensorSpec[] {
  const specs = readList(at, value, 1, readTensor);
  if (new Set(specs.map((spec) => spec.name)).size !== specs.length) {
    throw invalid(at, describeSpecs(specs), "tensors of different names");
  }
  byteLengthOf(specs);
  return specs;
}

function readTensor(at: string, value: unknown): TensorSpec {
  const fields = readObject(at, value, ["name", "dtype", "shape"]);
  const shape = readList(`${at}.shape`, fields.shape, 1, (place, item) => readInteger(place, item, 1, 2 ** 31 - 1));
  if (shape.length > MAX_DIMENSIONS)
    throw invalid(`${at}.shape`, `${shape.length} dimensions`, `at most ${MAX_DIMENSIONS}`);
  if (shape[0] !== 1) throw invalid(`${at}.shape`, `batch ${shape[0]}`, "batch 1, the first dimension");
  const dtype = readOneOf(`${at}.dtype`, fields.dtype, DTYPES);
  if (dtype === "float32") throw invalid(`${at}.dtype`, dtype, "uint8, int8 or int32, since the model is integer-only");
  return { name: readLine(`${at}.name`, fields.name), dtype, shape };
}

function readDeterminism(value: unknown): Determinism {
  const fields = readObject("determinism", value, [
    "kind",
    "backend",
    "backendVersion",
    "graphOptimizationLevel",
    "weightBits",
    "activationBits",
  ]);
  const at = (name: string) => `determinism.${name}`;
  return {
    kind: readOneOf(at("kind"), fields.kind, ["integer-only"]),
    backend: readOneOf(at("backend"), fields.backend, ["onnxruntime"]),
    backendVersion: readText(
      at("backendVersion"),
      fields.backendVersion,
      /^\d+\.\d+\.\d+$/,
      "three numbers like 1.30.0",
    ),
    graphOptimizationLevel: readOneOf(at("graphOptimizationLevel"), fields.graphOptimizationLevel, LEVELS),
    weightBits: readOneOf(at("weightBits"), fields.weightBits, [7]),
    activationBits: readOneOf(at("activationBits"), fields.activationBits, [8]),
  };
}

function readLicence(value: unknown): Licence {
  const fields = readObject("licence", value, ["model", "data"]);
  return {
    model: readText("licence.model", fields.model, /^[A-Za-z0-9.+-]{1,64}$/, "an SPDX identifier like MIT"),
    data: readLine("licence.data", fields.data),
  };
}

function readAccuracy(value: unknown): Accuracy {
  const fields = readObject("accuracy", value, ["metric", "accuracyPpm", "cases", "split"]);
  return {
    metric: readLine("accuracy.metric", fields.metric),
    accuracyPpm: readInteger("accuracy.accuracyPpm", fields.accuracyPpm, 0, 1_000_000),
    cases: readInteger("accuracy.cases", fields.cases, 1, Number.MAX_SAFE_INTEGER),
    split: readLine("accuracy.split", fields.split),
  };
}

function readObject<const Key extends string>(at: string, value: unknown, keys: readonly Key[]): Record<Key, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(at, describe(value), `an object with ${keys.join(", ")}`);
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key as Key));
  if (unknown !== undefined) throw invalid(at, `the field ${describe(unknown)}`, `only ${keys.join(", ")}`);
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) throw invalid(at, `no field ${missing}`, `all of ${keys.join(", ")}`);
  return value as Record<Key, unknown>;
}

function readList<T>(at: string, value: unknown, least: number, read: (at: string, item: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length < least || value.length > MAX_LIST) {
    throw invalid(at, describe(value), `a list of ${least} to ${MAX_LIST}`);
  }
  return value.map((item, index) => read(`${at}[${index}]`, item));
}

function readText(at: string, value: unknown, pattern: RegExp, allowed: string): string {
  if (typeof value !== "string" || !pattern.test(value)) throw invalid(at, describe(value), allowed);
  return value;
}

function readLine(at: string, value: unknown): string {
  if (typeof value === "string" && value.isWellFormed() && /^[^\p{Cc}]{1,500}$/u.test(value)) return value;
  throw invalid(at, describe(value), "one line of 1 to 500 characters");
}

function readInteger(at: string, value: unknown, least: number, greatest: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= greatest) return value;
  throw invalid(at, describe(value), `a whole number from ${least} to ${greatest}`);
}

function readOneOf<const T extends string | number | boolean>(at: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw invalid(at, describe(value), allowed.join(", "));
  return found;
}

/** A short form of what was got, for one line of a message. */
function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return JSON.stringify(value)?.slice(0, 80) ?? typeof value;
}

function invalid(at: string, got: string, allowed: string): ProtocolError {
  return new ProtocolError("manifest/invalid", `${at} is ${got}, allowed is ${allowed}: correct the manifest`);
}
