import { ProtocolError } from "./errors.ts";
import { jsonFields } from "./jsonFields.ts";

/** What an operator asks for a model's calls, OPG base units. */
export type Quote = {
  /** Of each call. */
  request: bigint;
  /** Of each unit of input: a token, a picture, a tensor element. */
  input: bigint;
  /** Of each unit of output. */
  output: bigint;
};

/** As `GET /v1/models` says it: decimal strings. */
export type QuoteJson = { request: string; input: string; output: string };

export type Units = { inputUnits: bigint; outputUnits: bigint };

/** The price of a call: what its units come to, and never more than the cap. */
export function priceOf({ request, input, output }: Quote, { inputUnits, outputUnits }: Units, cap: bigint): bigint {
  const price = request + input * inputUnits + output * outputUnits;
  return price < cap ? price : cap;
}

/**
 * How much output a cap leaves room for, once the input is paid; undefined: output costs nothing.
 *
 * @throws ProtocolError `call/cap-too-low` when not even the input and one unit fit
 */
export function maxOutputUnits({ request, input, output }: Quote, inputUnits: bigint, cap: bigint): bigint | undefined {
  const left = cap - request - input * inputUnits;
  if (left < output) {
    throw new ProtocolError(
      "call/cap-too-low",
      `the cap is ${cap} base units, ${inputUnits} units of input and one of output cost ${cap - left + output}: allow at least that`,
    );
  }
  return output === 0n ? undefined : left / output;
}

export function quoteToJson({ request, input, output }: Quote): QuoteJson {
  return { request: String(request), input: String(input), output: String(output) };
}

/** @throws ProtocolError `quote/…`, as `parseReceipt` */
export function parseQuote(source: unknown): Quote {
  const read = jsonFields("quote");
  const fields = read.object("", read.json(source), ["request", "input", "output"]);
  const price = (name: keyof QuoteJson) => read.decimal(name, fields[name], 96);
  return { request: price("request"), input: price("input"), output: price("output") };
}
