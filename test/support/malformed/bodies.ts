import type { Route } from "../../../src/protocol/route.ts";
import type { Choices } from "./choices.ts";

type Json = Record<string, unknown>;
type Path = readonly (string | number)[];

/** Bodies that are as they should be, by route: what is malformed is made of them. */
export const GOOD_BODIES: readonly (readonly [Route, Json])[] = [
  [
    "/v1/chat/completions",
    {
      model: "openai/gpt-4o",
      messages: [
        { role: "system", content: "be short" },
        { role: "user", content: [{ type: "text", text: "hello" }] },
      ],
      temperature: 0.5,
      max_tokens: 16,
      stop: ["\n"],
      tools: [{ type: "function", function: { name: "weather", description: "of today" } }],
      tool_choice: "auto",
      response_format: { type: "json_object" },
      user: "somebody",
    },
  ],
  [
    "/v1/chat/completions",
    {
      model: "local/llama-3.1-8b",
      messages: [{ role: "user", content: "hello" }],
      stream: true,
      stream_options: { include_usage: true },
      seed: 7,
      n: 1,
    },
  ],
  ["/v1/completions", { model: "openai/gpt-4o", prompt: "Once", max_tokens: 9, presence_penalty: 1, stop: "." }],
  ["/v1/embeddings", { model: "openai/text-embedding-3-small", input: ["one", "two"], dimensions: 3 }],
  ["/v1/images/generations", { model: "openai/gpt-image-1", prompt: "a cat", n: 1, size: "512x512" }],
  ["/v1/inference", { model: "onnx/iris", inputs: { millimetres: [51, 35, 14, 2] } }],
];

/** Fields with a number in them, and numbers they can't be. */
const NUMBERS = ["temperature", "top_p", "max_tokens", "n", "presence_penalty", "seed", "dimensions"];
const HUGE = ["1e400", "-1e400", "1e308", "9007199254740993", "-123456789012345678901234567890", "9".repeat(5_000)];
const NESTINGS = [65, 100, 1_000, 20_000];
const SURROGATES = ["\\ud800", "\\udfff", "\\ud83d ", "a\\udc00b"];
const NO_JSON = [
  "",
  " ",
  "null",
  "true",
  "17",
  '"text"',
  "[]",
  "[{}]",
  "undefined",
  "NaN",
  "{}{}",
  "\u0000",
  "\ufeff{",
];

/** Text that is no JSON, made of text that is. */
export function brokenJson({ pick, integer, bytes }: Choices): Buffer {
  const text = JSON.stringify(pick(GOOD_BODIES)[1]);
  const at = integer(0, text.length - 2);
  const broken = pick([
    () => Buffer.from(text.slice(0, at + 1)),
    () => Buffer.from(text.slice(0, -1) + pick([",}", "]", "}}", "", ',"a":}'])),
    () => Buffer.from(text.replaceAll('"', "'")),
    () => Buffer.from(`${text}${text}`),
    () => Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from([integer(0, 31)]), Buffer.from("\u0001")]),
    () => bytes(integer(1, 200)),
  ])();
  return isJson(broken) ? Buffer.from(`${broken}}`) : broken;
}

/** JSON, but no object. */
export function noObject({ pick }: Choices): Buffer {
  return Buffer.from(pick(NO_JSON));
}

/** One value somewhere in a good body is of another type. */
export function wrongType({ pick, integer }: Choices): { route: Route; body: Buffer } {
  const [route, good] = pick(GOOD_BODIES);
  const path = pick(pathsIn(good));
  const body = changed(good, path, (value) =>
    pick([{ malformed: true }, [[]], ofAnotherType(value, integer(-9, -1) - 0.5)]),
  );
  return { route, body: bufferOf(body) };
}

/** A field that nobody knows, at the top or in a message. */
export function unknownField({ pick, integer }: Choices): { route: Route; body: Buffer } {
  const [route, good] = pick(GOOD_BODIES);
  const name = pick(["logit_bias", "__proto__", "constructor", "toString", `field_${integer(0, 1e6)}`, "ключ", ""]);
  return { route, body: bufferOf({ ...good, [name]: pick([1, "x", [], {}, false]) }) };
}

export function missingField({ pick }: Choices): { route: Route; body: Buffer } {
  const [route, good] = pick(GOOD_BODIES);
  const name = pick(["model", ...["messages", "prompt", "inputs"].filter((one) => one in good)]);
  return { route, body: bufferOf(Object.fromEntries(Object.entries(good).filter(([key]) => key !== name))) };
}

export function nestedDeep({ pick }: Choices): { route: Route; body: Buffer } {
  const [route, good] = pick(GOOD_BODIES);
  const [depth, [open, close]] = [pick(NESTINGS), pick([["[", "]"] as const, ['{"a":', "}"] as const])];
  const nest = `${open.repeat(depth)}1${close.repeat(depth)}`;
  const key = pick(["messages", "metadata", "tools", "input", "extra"]);
  return { route, body: Buffer.from(JSON.stringify({ ...good, [key]: 0 }).replace(`"${key}":0`, `"${key}":${nest}`)) };
}

export function hugeNumber({ pick }: Choices): { route: Route; body: Buffer } {
  const [route, good] = pick(GOOD_BODIES);
  const name = pick(NUMBERS);
  return { route, body: Buffer.from(JSON.stringify({ ...good, [name]: "?" }).replace('"?"', pick(HUGE))) };
}

/** Half of a surrogate pair, which has no bytes: nothing can be said of it in a receipt. */
export function loneSurrogate({ pick }: Choices): { route: Route; body: Buffer } {
  const [route, good, texts] = pick(
    GOOD_BODIES.map(([where, body]) => [where, body, textsIn(body)] as const).filter(([, , all]) => all.length > 0),
  );
  const text = JSON.stringify(changed(good, pick(texts), () => "half"));
  return { route, body: Buffer.from(text.replace('"half"', `"half ${pick(SURROGATES)}"`)) };
}

const textsIn = (body: Json): Path[] =>
  pathsIn(body).filter(
    (path) =>
      ["content", "prompt", "text", "user"].includes(String(path.at(-1))) && typeof valueAt(body, path) === "string",
  );

/** A model that isn't here, or doesn't answer on this route. */
export function otherModel({ pick, integer }: Choices): { route: Route; body: Buffer } {
  const [route, good] = pick(GOOD_BODIES);
  const misplaced = route === "/v1/inference" ? "openai/gpt-4o" : "onnx/iris";
  const none = [`openai/none-${integer(0, 1e6)}`, "gpt-4o", "../openai/gpt-4o", "__proto__", "onnx/", "OPENAI/gpt-4o"];
  return { route, body: bufferOf({ ...good, model: pick([misplaced, misplaced, ...none]) }) };
}

function pathsIn(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  const inside = Object.entries(value).flatMap(([key, item]) =>
    pathsIn(item, [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return at.length === 0 ? inside : [at, ...inside];
}

function changed(value: unknown, [key, ...rest]: Path, change: (value: unknown) => unknown): unknown {
  if (key === undefined) return change(value);
  const inside = changed((value as Json)[key], rest, change);
  return Array.isArray(value) ? value.with(Number(key), inside) : { ...(value as Json), [key]: inside };
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((at: unknown, key) => (at as Json)[key], value);
}

/** A number for a text or a list, a text for anything else. */
function ofAnotherType(value: unknown, number: number): unknown {
  return typeof value === "string" || Array.isArray(value) ? number : "another type";
}

const bufferOf = (body: unknown): Buffer => Buffer.from(JSON.stringify(body));

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return false;
  }
}
