import { pause } from "../chain/pause.ts";
import { CALL_HEADERS } from "../protocol/callWire.ts";
import { packVouchers } from "../protocol/voucher.ts";
import type { Channels } from "./channels.ts";
import type { GatewayHttp } from "./gatewayHttp.ts";
import type { Ledger } from "./ledger.ts";
import type { Operators } from "./operators.ts";
import type { Step } from "./steps.ts";

export type SettlerOptions = {
  ledger: Ledger;
  channels: Channels;
  http: GatewayHttp;
  operators: Pick<Operators, "list">;
  /** A channel that had no call for so long is settled. */
  idleMs: number;
  step: Step;
  onError: (error: unknown) => void;
};

/** Sends each operator a voucher for what is owed to the unit, so that it needn't claim one that promises more. */
export type Settler = {
  /** Tells of a call on an operator's channel. */
  used(operatorId: number): void;
  /** Of all channels with something owed that wasn't sent yet. */
  settleAll(): Promise<void>;
  stop(): Promise<void>;
};

const TIMEOUT_MS = 5_000;

export function createSettler(options: SettlerOptions): Settler {
  const { ledger, channels, http, operators, idleMs, step, onError } = options;
  const stopping = new AbortController();
  const usedAt = new Map<number, number>();
  const sent = new Map<number, bigint>();

  async function settle(operatorId: number, url: string): Promise<void> {
    const channel = await channels.of(operatorId);
    const exact = channel && (await ledger.exactVoucher(channel));
    const amount = exact?.voucher.cumulativeAmount;
    if (exact === undefined || amount === sent.get(operatorId)) return;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const headers = { [CALL_HEADERS.voucher]: packVouchers([exact]) };
    const answer = await http.request(`${url}/v1/vouchers`, { method: "POST", headers, signal });
    await answer.readAll(64 * 1024);
    if (answer.status >= 300) return;
    sent.set(operatorId, amount ?? 0n);
    await step("settled");
  }

  async function settleSome(isIdle: (operatorId: number) => boolean): Promise<void> {
    const wanted = operators.list().filter(({ operatorId }) => isIdle(operatorId));
    await Promise.all(wanted.map(({ operatorId, url }) => settle(operatorId, url).catch(onError)));
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(idleMs, stopping.signal);
      if (stopping.signal.aborted) return;
      const before = performance.now() - idleMs;
      const isIdle = (operatorId: number) => (usedAt.get(operatorId) ?? Number.POSITIVE_INFINITY) <= before;
      await settleSome(isIdle).catch(onError);
    }
  }

  const running = run();
  return {
    used: (operatorId) => void usedAt.set(operatorId, performance.now()),
    settleAll: () => settleSome(() => true),
    async stop() {
      stopping.abort(new Error("the local end stops"));
      await running;
    },
  };
}
