import { setImmediate } from "node:timers/promises";
import { ApiError } from "../protocol/apiError.ts";
import type { ReceiptDomain } from "../protocol/receipt.ts";
import { type AdmissionOptions, type AdmittedCall, admit, openStatus, type RawCall, toApiError } from "./admit.ts";
import { answerWhole, type OnCallStep, type WholeAnswer } from "./answer.ts";
import type { IssuedCall, Issuer } from "./issuer.ts";
import { answerStream } from "./stream.ts";

export type CallServerOptions = AdmissionOptions & {
  issuer: Issuer;
  domain: ReceiptDomain;
  /** More at once are refused. */
  maxCalls: number;
  slowClientMs: number;
  /**
   * The longest life of a call; then its upstream is stopped, and what came is charged. What is owed can be claimed from the start
   * of an exit to its end, two days on every public network, and is claimed from half of that on: so a call that began before an exit
   * was seen must have its receipt by then. It has, within this and three times what a client may take to read (the
   * block that waits, the one behind it, the receipt).
   */
  maxCallMs: number;
  /** Whether what is known of the chain is new enough to be relied on. */
  isReady: () => boolean;
  onStep?: OnCallStep;
  /** A call has ended; undefined: well. */
  onEnd?: (call: AdmittedCall, error: ApiError | undefined, seconds: number) => void;
};

export type CallAnswer = { kind: "whole"; answer: WholeAnswer } | { kind: "stream"; body: ReadableStream<Uint8Array> };

/** Serves calls: admits, reserves, runs, signs. */
export type CallServer = {
  /** @param signal aborted when the client goes away @throws ApiError */
  serve(raw: RawCall, signal: AbortSignal): Promise<CallAnswer>;
  underWay(): number;
  /** Takes no more calls, and waits for those under way until the signal, which stops them. */
  stop(signal: AbortSignal): Promise<void>;
};

/**
 * Of the event loop, until what is sent to an upstream over HTTP has left, which the store would hold up. All calls wait for
 * them, so that they are reserved in the order in which they were foreseen.
 */
const TURNS_TO_SEND = 2;

type Running = { stop: AbortController; ended: Promise<void> };

export function createCallServer(options: CallServerOptions): CallServer {
  const { onStep = () => {}, onEnd = () => {} } = options;
  const running = new Set<Running>();
  let isStopping = false;

  function refuseIfBusy(): void {
    const status = { status: 503, type: "server_error", retryAfterSeconds: 1 } as const;
    if (isStopping) throw new ApiError("the gateway is stopping: ask another", { ...status, code: "stopping" });
    if (!options.isReady()) {
      throw new ApiError("the gateway has lost sight of its chain: ask another", { ...status, code: "not_ready" });
    }
    if (running.size >= options.maxCalls) {
      const message = `${options.maxCalls} calls are under way, which is as many as it takes: try again`;
      throw new ApiError(message, { ...status, code: "overloaded" });
    }
  }

  /** Takes no place of a call that is paid for: look-ups and bodies are bounded by themselves, whoever asks. */
  async function admitted(raw: RawCall, signal: AbortSignal): Promise<AdmittedCall> {
    try {
      const call = await admit(options, raw);
      signal.throwIfAborted();
      refuseIfBusy();
      return call;
    } catch (error) {
      throw toApiError(error);
    }
  }

  /** From here on the call counts as one under way, until `end` is called. */
  function start(client: AbortSignal): Running & { end: () => void } {
    const stop = new AbortController();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const entry = { stop, ended };
    running.add(entry);
    const onAbort = () => stop.abort(client.reason);
    client.addEventListener("abort", onAbort, { once: true });
    const end = () => {
      client.removeEventListener("abort", onAbort);
      running.delete(entry);
      resolve();
    };
    return { ...entry, end };
  }

  /**
   * An exit is first remembered by the channels, then noted in the channel's row, which the first reservation writes. So
   * the channels are asked once more after a reservation: an exit that they don't know by then is noted later, in a row that is
   * there, and claimed for; one that they know ends the call before it has cost anything. Whatever the order, no call runs
   * on a channel whose exit its row will never hear of.
   */
  async function reserve(terms: AdmittedCall["terms"]): Promise<IssuedCall> {
    for (let turn = 0; turn < TURNS_TO_SEND; turn++) await setImmediate();
    const issued = await options.issuer.begin(terms);
    try {
      await openStatus(options, terms.voucher, terms.voucherKey);
    } catch (error) {
      await issued.abandon();
      throw error;
    }
    onStep("reserved");
    return issued;
  }

  /**
   * Of a call that will most likely be taken: while its upstream is being asked, which is stopped if it isn't. Nothing is signed, so
   * nothing leaves, before it is.
   */
  async function reserveBeside(terms: AdmittedCall["terms"], stop: AbortController): Promise<IssuedCall> {
    try {
      return await reserve(terms);
    } catch (cause) {
      const error = toApiError(cause);
      stop.abort(error);
      throw error;
    }
  }

  async function run(call: AdmittedCall, issued: IssuedCall, started: ReturnType<typeof start>): Promise<CallAnswer> {
    const startedAt = performance.now();
    const { stop } = started;
    const lasting = setTimeout(() => stop.abort(tooLong(options.maxCallMs)), options.maxCallMs);
    const finish = (error?: unknown) => {
      clearTimeout(lasting);
      started.end();
      onEnd(call, error === undefined ? undefined : toApiError(error), (performance.now() - startedAt) / 1_000);
    };
    if (call.isStream) {
      const { domain, slowClientMs } = options;
      const body = await answerStream(call, issued, { domain, stop, slowClientMs, onStep, onEnd: finish });
      return { kind: "stream", body };
    }
    try {
      const answer = await answerWhole(call, issued, stop.signal, onStep);
      finish();
      return { kind: "whole", answer };
    } catch (error) {
      finish(error);
      throw error;
    }
  }

  return {
    underWay: () => running.size,

    async serve(raw, signal) {
      refuseIfBusy();
      const call = await admitted(raw, signal);
      const started = start(signal);
      if (options.issuer.foresee(call.terms)) {
        return await run(call, issuedLater(reserveBeside(call.terms, started.stop)), started);
      }
      let issued: IssuedCall;
      try {
        issued = await reserve(call.terms);
      } catch (error) {
        started.end();
        throw toApiError(error);
      }
      return await run(call, issued, started);
    },

    async stop(signal) {
      isStopping = true;
      const stopAll = () => {
        for (const { stop } of running) stop.abort(signal.reason);
      };
      if (signal.aborted) stopAll();
      else signal.addEventListener("abort", stopAll, { once: true });
      await Promise.all([...running].map(({ ended }) => ended));
    },
  };
}

/** A call whose reservation is under way: all of it waits for that. */
function issuedLater(reserving: Promise<IssuedCall>): IssuedCall {
  reserving.catch(() => {}); // told whoever uses it
  return {
    reserved: async () => (await reserving).reserved(),
    part: async (bytes) => (await reserving).part(bytes),
    whole: async (bytes) => (await reserving).whole(bytes),
    end: async (outcome) => (await reserving).end(outcome),
    abandon: () =>
      reserving.then(
        (issued) => issued.abandon(),
        () => {},
      ),
  };
}

function tooLong(maxCallMs: number): ApiError {
  return new ApiError(`the call wasn't over after ${maxCallMs} ms, which is as long as one may last: ask for less`, {
    ...{ status: 504, type: "server_error", code: "too_long" },
  });
}
