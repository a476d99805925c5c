import type { Route } from "../protocol/route.ts";
import type { Send } from "./upstreams/send.ts";

/** A request as the client sent it: JSON that was checked against the route's form, whatever the upstream's own form is. */
export type UpstreamRequest = {
  /** Its `model` is the network's name, `provider/model`. */
  body: Readonly<Record<string, unknown>>;
  /** The upstream's own name of the model. */
  model: string;
  /** The client's cap leaves room for so many units of output; undefined: for any number. */
  maxOutputUnits: number | undefined;
  /** Aborted when the client goes away or the gateway stops: the upstream is to be stopped too. */
  signal: AbortSignal;
};

/** What the receipt says of an answer. */
export type Served = {
  /** What the upstream says it served, without the provider's prefix. */
  model: string;
  /** Tokens, pictures or tensor elements, as the upstream counts them. */
  inputUnits: bigint;
  outputUnits: bigint;
};

/** An answer in one piece, in the form of OpenAI's API. */
export type UpstreamAnswer = { body: Readonly<Record<string, unknown>>; served: Served };

/** A streamed answer: chunks in the form of OpenAI's API, and at the end what it came to. */
export type UpstreamChunk = { chunk: Readonly<Record<string, unknown>> } | { served: Served };

/**
 * A provider of models. What it can't do, it doesn't have. All of it throws `ApiError`: what the request asks for and the
 * upstream lacks is refused (`unsupported_parameter`), never left out; a 429, a refusal, a time-out and an answer that makes no
 * sense are told apart.
 */
export type Upstream = {
  answer: Partial<Record<Route, (request: UpstreamRequest) => Promise<UpstreamAnswer>>>;
  /** @throws ApiError before the first chunk or between chunks; all chunks until then count */
  stream: Partial<Record<Route, (request: UpstreamRequest) => AsyncIterable<UpstreamChunk>>>;
  /** Ends what it keeps running. */
  close?(): Promise<void>;
};

/** What the configuration says of a provider. */
export type UpstreamSettings = {
  /** Where its API is; its own place unless told. */
  baseUrl?: string;
  /** From the environment, never from the configuration. */
  apiKey?: string;
  /** Until the first byte, and between two chunks. */
  timeoutMs: number;
  send?: Send;
};
