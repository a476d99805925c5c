import type { Route } from "../../src/protocol/route.ts";
import {
  brokenJson,
  GOOD_BODIES,
  hugeNumber,
  loneSurrogate,
  missingField,
  nestedDeep,
  noObject,
  otherModel,
  unknownField,
  wrongType,
} from "./malformed/bodies.ts";
import { brokenHttp, type RawRequest } from "./malformed/broken.ts";
import { type Choices, createChoices } from "./malformed/choices.ts";
import { goodHeaders, missingHeader, type Purse, wrongHeader, wrongVoucher } from "./malformed/payments.ts";

/** A request over HTTP as it should be, whose contents aren't. */
export type MalformedRequest = {
  kind: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
  /** Sent in chunks, without its length. */
  isChunked?: boolean;
  /** The answers it may get. */
  statuses: readonly number[];
};

export type Malformed = MalformedRequest | RawRequest;

export type MalformedOptions = {
  seed: number;
  count: number;
  /** Larger bodies are refused. */
  maxBodyBytes: number;
  /** What a call is paid with; undefined: the receiver pays by itself. */
  purse: Purse | undefined;
  /** A call that was paid and answered, to come again. */
  answered?: Pick<MalformedRequest, "path" | "headers" | "body">;
};

const JSON_TYPE = { "content-type": "application/json" };
const TYPES = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/xml",
  "",
];
const METHODS = ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"];
const PATHS = [
  "/",
  "/v1",
  "/v1/chat",
  "/v1/chat/completions/",
  "/V1/CHAT/COMPLETIONS",
  "/v1/../v1/chat",
  "/%00",
  "/v1/%zz",
  "/v1//chat/completions",
  "/v1/chat%2fcompletions",
  `/${"a".repeat(3_000)}`,
  "/v1/responses",
  "/v1/files?limit=1",
];

/** A maker, and how often of hundred it is taken. */
type Maker = readonly [share: number, make: (choices: Choices) => Promise<Malformed> | Malformed];

/** Malformed requests, always the same for a seed. */
export async function* malformedRequests(options: MalformedOptions): AsyncGenerator<Malformed> {
  const choices = createChoices(options.seed);
  const makers = makersOf(options).flatMap(([share, make]) => Array.from({ length: share }, () => make));
  for (let n = 0; n < options.count; n++) yield await choices.pick(makers)(choices);
}

function makersOf({ purse, maxBodyBytes, answered }: MalformedOptions): Maker[] {
  const pay = (choices: Choices) => (purse === undefined ? {} : goodHeaders(purse, choices));
  const post = (
    kind: string,
    statuses: readonly number[],
    make: (choices: Choices) => { route?: Route; body: Buffer },
  ) => {
    return (choices: Choices): MalformedRequest => {
      const { route = choices.pick(GOOD_BODIES)[0], body } = make(choices);
      const headers = { ...JSON_TYPE, ...pay(choices) };
      const isChunked = choices.pick([true, false, false]);
      return { kind, method: "POST", path: route, headers, body, isChunked, statuses };
    };
  };
  const bodies: Maker[] = [
    [10, post("broken JSON", [400], (choices) => ({ body: brokenJson(choices) }))],
    [3, post("JSON that is no object", [400], (choices) => ({ body: noObject(choices) }))],
    [20, post("a wrong type", [400], wrongType)],
    [5, post("an unknown field", [400], unknownField)],
    [4, post("a missing field", [400], missingField)],
    [5, post("deep nesting", [400], nestedDeep)],
    [6, post("a huge number", [400], hugeNumber)],
    [5, post("half a surrogate pair", [400], loneSurrogate)],
    [4, post("another model", [400, 404], otherModel)],
    [
      1,
      post("a body over the limit", [413], ({ integer }) => ({
        body: Buffer.alloc(maxBodyBytes + integer(1, 99), "{"),
      })),
    ],
    [4, wrongContentType(pay)],
    [6, unknownRoute(pay)],
    [3, malformedId],
    [14, (choices) => brokenHttp(choices, pay(choices))],
  ];
  return purse === undefined
    ? [...bodies, [6, wrongAppHeader]]
    : [...bodies, ...paymentMakers(purse), replay(answered)];
}

function paymentMakers(purse: Purse): Maker[] {
  const call = (
    kind: string,
    statuses: readonly number[],
    headersOf: (choices: Choices) => Promise<object> | object,
  ) => {
    return async (choices: Choices): Promise<MalformedRequest> => {
      const [path, good] = choices.pick(GOOD_BODIES);
      const headers = { ...JSON_TYPE, ...(await headersOf(choices)) };
      return { kind, method: "POST", path, headers, body: Buffer.from(JSON.stringify(good)), statuses };
    };
  };
  return [
    [4, call("a missing header", [402], (choices) => missingHeader(purse, choices))],
    [8, call("a malformed header", [400], (choices) => wrongHeader(purse, choices))],
    [14, call("a voucher that pays nothing", [402], (choices) => wrongVoucher(purse, choices))],
  ];
}

const wrongContentType =
  (pay: (choices: Choices) => object) =>
  (choices: Choices): MalformedRequest => {
    const [path, good] = choices.pick(GOOD_BODIES);
    const headers = { ...pay(choices), "content-type": choices.pick(TYPES) };
    const body = Buffer.from(choices.pick([JSON.stringify(good), "model=openai%2Fgpt-4o&prompt=x", "--x\r\n\r\n"]));
    return { kind: "a wrong content type", method: "POST", path, headers, body, statuses: [415] };
  };

const unknownRoute =
  (pay: (choices: Choices) => object) =>
  (choices: Choices): MalformedRequest => {
    const { pick } = choices;
    const [route, good] = pick(GOOD_BODIES);
    const isRoute = pick([true, false]);
    const method = isRoute ? pick(METHODS) : pick([...METHODS, "POST"]);
    const body = ["GET", "HEAD"].includes(method) ? {} : { body: Buffer.from(JSON.stringify(good)) };
    const headers = { ...JSON_TYPE, ...pay(choices) };
    return { kind: "an unknown route", method, path: isRoute ? route : pick(PATHS), headers, ...body, statuses: [404] };
  };

function malformedId({ pick, hex }: Choices): MalformedRequest {
  const id = pick(["0x", "0x12", hex(31), hex(33), "none", "%00", "-1", hex(32), "..%2f..%2fetc", `${hex(32)}%20`]);
  return { kind: "a malformed id", method: "GET", path: `/v1/receipts/${id}`, headers: {}, statuses: [400, 404] };
}

function replay(answered: MalformedOptions["answered"]): Maker {
  if (answered === undefined) return [0, malformedId];
  return [4, () => ({ kind: "a call that came before", method: "POST", ...answered, statuses: [409] })];
}

function wrongAppHeader({ pick }: Choices): MalformedRequest {
  const [path, good] = pick(GOOD_BODIES);
  const header = pick([
    { "x-opg-quorum": pick(["2", "0", "-3", "11", "three", "3.0", ""]) },
    { "x-opg-max-price": pick(["-1", "1.5", "1e3", "0x1", "", "9".repeat(40)]) },
    { "x-opg-operator": pick(["0", "-1", "one", "1.5", "99999999999", ""]) },
  ]);
  const body = Buffer.from(JSON.stringify(good));
  return {
    kind: "a malformed header",
    method: "POST",
    path,
    headers: { ...JSON_TYPE, ...header },
    body,
    statuses: [400],
  };
}
