import type { Hex } from "viem";
import { pause } from "../chain/pause.ts";
import { parseReceipt } from "../protocol/receiptJson.ts";
import type { PaidCall, PaidCallTable } from "../store/paidCalls.ts";
import { isLie, type StatementChecks } from "./checkStatements.ts";
import { type RefusedAnswer, refusal } from "./exchange.ts";
import type { GatewayHttp } from "./gatewayHttp.ts";
import type { Operators } from "./operators.ts";
import type { Reputation } from "./reputation.ts";
import type { Step } from "./steps.ts";

export type ResolverOptions = {
  paid: PaidCallTable;
  http: GatewayHttp;
  operators: Pick<Operators, "urlOf">;
  checks: StatementChecks;
  reputation: Reputation;
  /** Calls under way, which aren't asked about. */
  live: ReadonlySet<Hex>;
  /** A gateway that doesn't know a call is believed once the call is so old: it may have been on its way until then. */
  forgottenAfterSeconds: number;
  /** Between two looks while there is something to ask about. */
  intervalMs: number;
  step: Step;
  onRefused: (refused: RefusedAnswer) => void;
  onError: (error: unknown) => void;
};

/** Finds out how calls ended that this process, or an earlier life of it, didn't see the end of. */
export type Resolver = {
  /** Asks about all of them once. @returns how many are still open */
  resolveAll(): Promise<number>;
  /** Says that there is something to ask about. */
  wake(): void;
  stop(): Promise<void>;
};

const MAX_RECEIPT_BYTES = 64 * 1024;
const TIMEOUT_MS = 5_000;
const PARALLEL = 8;

export function createResolver(options: ResolverOptions): Resolver {
  const {
    paid,
    http,
    operators,
    checks,
    reputation,
    live,
    forgottenAfterSeconds,
    intervalMs,
    step,
    onRefused,
    onError,
  } = options;
  const stopping = new AbortController();
  let isAwake = true;

  /** @returns whether its end is known now */
  async function resolve(call: PaidCall): Promise<boolean> {
    const url = operators.urlOf(call.operatorId);
    if (url === undefined) return false;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer = await http.request(`${url}/v1/receipts/${call.requestHash}`, { method: "GET", signal });
    const bytes = await answer.readAll(MAX_RECEIPT_BYTES);
    if (answer.status === 200) await take(call, bytes);
    else if (answer.status === 410 || (answer.status === 404 && isForgotten(call))) {
      await paid.end(call.requestHash, "free");
    } else return false;
    await step("resolved");
    return true;
  }

  function isForgotten({ sentAt }: PaidCall): boolean {
    return Date.now() / 1_000 - sentAt >= forgottenAfterSeconds;
  }

  /** The answer is lost, so of it the receipt is believed; all else is checked. */
  async function take(call: PaidCall, bytes: Uint8Array): Promise<void> {
    try {
      const portable = parseReceipt(new TextDecoder().decode(bytes));
      const { responseRoot, partCount } = portable.receipt;
      await checks.receipt(call, portable, { response: { responseRoot, partCount }, isLate: true });
    } catch (error) {
      if (!isLie(error)) throw error;
      await paid.end(call.requestHash, "refused");
      await reputation.shun(call.operatorId, error.code);
      onRefused(refusal(call, error));
    }
  }

  let underWay: Promise<number> | undefined;

  /** One round at a time: a receipt taken twice at once would seem to ask for more than is owed. */
  function resolveAll(): Promise<number> {
    underWay ??= resolveOnce().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  async function resolveOnce(): Promise<number> {
    const calls = (await paid.sent()).filter(({ requestHash }) => !live.has(requestHash));
    let open = 0;
    async function work(): Promise<void> {
      for (let call = calls.shift(); call !== undefined; call = calls.shift()) {
        const isDone = await resolve(call).catch((error: unknown) => void onError(error));
        if (isDone !== true) open += 1;
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, work));
    return open;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(intervalMs, stopping.signal);
      if (!isAwake || stopping.signal.aborted) continue;
      isAwake = false;
      const open = await resolveAll().catch((error: unknown) => {
        onError(error);
        return 1;
      });
      if (open > 0) isAwake = true;
    }
  }

  const running = run();
  return {
    resolveAll,
    wake() {
      isAwake = true;
    },
    async stop() {
      stopping.abort(new Error("the local end stops"));
      await running;
    },
  };
}
