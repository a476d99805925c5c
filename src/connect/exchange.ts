import { randomBytes } from "node:crypto";
import { type Hex, toHex } from "viem";
import { ApiError } from "../protocol/apiError.ts";
import { CALL_HEADERS, callHeaders, receiptFromHeader } from "../protocol/callWire.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { oneLine } from "../protocol/oneLine.ts";
import type { PortableReceipt } from "../protocol/receiptJson.ts";
import { requestHash as hashOf } from "../protocol/requestHash.ts";
import type { Route } from "../protocol/route.ts";
import type { PaidCallTable } from "../store/paidCalls.ts";
import { checkedStream } from "./checkedStream.ts";
import { isLie, type OpenCall, type StatementChecks } from "./checkStatements.ts";
import { type GatewayError, readGatewayError } from "./gatewayError.ts";
import type { GatewayAnswer, GatewayHttp } from "./gatewayHttp.ts";
import type { Ledger } from "./ledger.ts";
import type { Operator } from "./operators.ts";
import type { Reputation } from "./reputation.ts";
import type { Step } from "./steps.ts";

/** A request as the app made it. */
export type CallRequest = {
  route: Route;
  body: Readonly<Record<string, unknown>>;
  /** The body's JSON, as it is sent. */
  bytes: Uint8Array;
  model: string;
  isStream: boolean;
  signal: AbortSignal;
};

/** What an operator's answer came to; nothing of it that isn't checked. */
export type Exchanged =
  | { kind: "error"; error: GatewayError }
  | { kind: "whole"; bytes: Uint8Array; receiptId: Hex; price: bigint }
  | { kind: "stream"; parts: CheckedParts };

/** The parts of a stream, as fast as they are asked for. */
export type CheckedParts = {
  /** The next one, checked; undefined: that was all. */
  next(): Promise<Uint8Array | undefined>;
  /** Ends the call: nobody wants the rest. */
  cancel(): Promise<void>;
};

/**
 * Asks one operator and pays for what it answers.
 * @param cap the most it may cost, OPG base units
 * @throws ApiError for what is wrong on this side; ProtocolError `receipt/…` and `part/…` for lies, `connect/cut` and
 * `fetch/…` for what got lost on the way; the signal's reason
 */
export type Exchange = (operator: Operator, request: CallRequest, cap: bigint) => Promise<Exchanged>;

export type ExchangeOptions = {
  paid: PaidCallTable;
  ledger: Ledger;
  http: GatewayHttp;
  checks: StatementChecks;
  reputation: Reputation;
  /** Calls of this process that are under way; those that are only in the store are nobody's any more. */
  live: Set<Hex>;
  /** The chain's, unix seconds. */
  now: () => number;
  /** Called with a call whose end this process won't learn from its answer. */
  onUncertain: (call: OpenCall) => void;
  /** Called with every answer that was a lie. */
  onRefused: (refused: RefusedAnswer) => void;
  /** Called with every call that an operator's channel pays. */
  onUsed: (operatorId: number) => void;
  step: Step;
};

/** An answer that was a lie: the app got nothing of what was wrong, and it isn't paid for. */
export type RefusedAnswer = { operatorId: number; requestHash: Hex; model: string; code: string; reason: string };

/** Bodies of at most so many bytes, both ways. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

export function createExchange(options: ExchangeOptions): Exchange {
  const { paid, ledger, http, checks, reputation, live, now, onUncertain, onRefused, onUsed, step } = options;

  /** @param wasSent whether the operator may have got the request */
  async function giveUp(call: OpenCall, error: unknown, wasSent: boolean): Promise<void> {
    if (isLie(error)) {
      await paid.end(call.requestHash, "refused");
      await reputation.shun(call.operatorId, error.code);
      onRefused(refusal(call, error));
      await step("refused");
    } else if (!wasSent) {
      await paid.end(call.requestHash, "free");
    }
    live.delete(call.requestHash);
    if (wasSent && !isLie(error)) onUncertain(call);
  }

  async function readError(call: OpenCall, answer: GatewayAnswer): Promise<Exchanged> {
    const error = await readGatewayError(answer);
    // The first sending may be under way, or was answered into nothing.
    if (answer.wasSentTwice || error.code === "call_replayed")
      throw strange("what it says of a call it may have already");
    await paid.end(call.requestHash, "free");
    live.delete(call.requestHash);
    await step("freed");
    return { kind: "error", error };
  }

  async function readWhole(call: OpenCall, salt: Hex, answer: GatewayAnswer): Promise<Exchanged> {
    const receipt = receiptOf(answer);
    const bytes = await answer.readAll(MAX_BODY_BYTES);
    const receiptId = await checks.receipt(call, receipt, { response: { salt, parts: [bytes] } });
    live.delete(call.requestHash);
    if (!isJson(bytes)) throw strange("something else than JSON"); // it is owed for all the same
    return { kind: "whole", bytes, receiptId, price: receipt.receipt.price };
  }

  /** Reads to the first part, or the end: until then another operator can be asked. */
  async function readStream(call: OpenCall, salt: Hex, answer: GatewayAnswer): Promise<Exchanged> {
    const parts = checkedStream({ call, salt, body: answer.body, checks, step });
    let first: IteratorResult<Uint8Array> | undefined = await parts.next();
    let isOpen = true;

    async function end(error?: unknown): Promise<void> {
      if (!isOpen) return;
      isOpen = false;
      if (error === undefined) live.delete(call.requestHash);
      else await giveUp(call, error, true);
      answer.destroy();
    }

    async function next(): Promise<Uint8Array | undefined> {
      try {
        const { done, value } = first ?? (await parts.next());
        first = undefined;
        if (!done) return value;
        await end();
        return undefined;
      } catch (error) {
        await end(error);
        throw error;
      }
    }
    return { kind: "stream", parts: { next, cancel: () => end(abandoned()) } };
  }

  return async (operator, request, cap) => {
    const { route, body, bytes, model, isStream, signal } = request;
    const { operatorId, url } = operator;
    const salt = toHex(randomBytes(32));
    const requestHash = hashOf(salt, route, body);
    live.add(requestHash);
    const quote = operator.offers.get(model)?.quote;
    const terms = { cap, quote, chainSentAt: now() };
    const { channel, voucher, ...owed } = await ledger
      .promise({ requestHash, operatorId, route, model, sentAt: Math.floor(Date.now() / 1_000), ...terms })
      .catch((error: unknown) => {
        live.delete(requestHash);
        if (error instanceof ApiError && error.code === "unresolved_calls") reputation.failed(operatorId);
        throw error;
      });
    const { channelId } = channel;
    const call: OpenCall = { requestHash, channelId, operatorId, model, ...owed, ...terms };
    onUsed(operatorId);
    let wasSent = false;
    let answer: GatewayAnswer | undefined;
    try {
      await step("recorded");
      signal.throwIfAborted();
      const headers = { "content-type": "application/json", ...callHeaders({ salt, voucher, maxPrice: cap }) };
      const startedAt = performance.now();
      wasSent = true;
      const onSent = () => void Promise.resolve(step("sent")).catch(() => {});
      answer = await http.request(`${url}${route}`, { method: "POST", headers, body: bytes, signal, onSent });
      if (answer.status >= 400) return await readError(call, answer);
      if (answer.status !== 200) throw strange(`status ${answer.status}`);
      reputation.answered(operatorId, performance.now() - startedAt);
      const isEvents = (answer.headers["content-type"] ?? "").startsWith("text/event-stream");
      if (isEvents !== isStream) throw strange(`content type ${answer.headers["content-type"] ?? "none"}`);
      return await (isStream ? readStream(call, salt, answer) : readWhole(call, salt, answer));
    } catch (error) {
      answer?.destroy();
      await giveUp(call, error, wasSent && !neverArrived(error));
      throw error;
    }
  };
}

export function refusal({ operatorId, requestHash, model }: OpenCall, { code, message }: ProtocolError): RefusedAnswer {
  return { operatorId, requestHash, model, code, reason: oneLine(message) };
}

/** @throws ProtocolError `receipt/missing`, and as `receiptFromHeader` */
function receiptOf({ headers }: GatewayAnswer): PortableReceipt {
  const header = headers[CALL_HEADERS.receipt];
  if (typeof header === "string") return receiptFromHeader(header);
  throw new ProtocolError("receipt/missing", `the answer has no ${CALL_HEADERS.receipt}: it is refused`);
}

function abandoned(): ProtocolError {
  return new ProtocolError("connect/abandoned", "the app has gone away: its call is ended");
}

function strange(got: string): ProtocolError {
  return new ProtocolError("connect/strange-answer", `the operator answered with ${got}: it is refused`);
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** Whether the operator can't have got anything. */
function neverArrived(error: unknown): boolean {
  if (error instanceof ApiError) return true;
  if (!(error instanceof ProtocolError)) return false;
  if (["fetch/refused-address", "fetch/unsupported-uri"].includes(error.code)) return true;
  const { cause } = error;
  return (
    cause instanceof Error && "code" in cause && ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"].includes(String(cause.code))
  );
}
