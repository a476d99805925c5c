import { connect, type Socket } from "node:net";
import { isAddressEqual, numberToHex } from "viem";
import type { ChannelParties, ChannelStatus } from "../../src/chain/channels.ts";
import { type CallServer, createCallServer } from "../../src/gateway/callServer.ts";
import { createMetrics } from "../../src/gateway/metrics.ts";
import type { ServedModel } from "../../src/gateway/models.ts";
import { createGatewayApp, listen } from "../../src/gateway/server.ts";
import type { Upstream } from "../../src/gateway/upstream.ts";
import { callHeaders } from "../../src/protocol/callWire.ts";
import type { Store } from "../../src/store/store.ts";
import { CAP, CHANNEL, CHANNEL_ID, DEPOSITED, issuerOf, RECEIPT_DOMAIN, signVoucher, VOUCHER_DOMAIN } from "./calls.ts";

// A gateway's HTTP side on a port of its own, over a store; no chain.

export const ROUTE = "/v1/chat/completions";
export const BODY = { model: "local/m", messages: [{ role: "user", content: "hi" }] };
export const OPEN: ChannelStatus = { opening: 1, deposited: DEPOSITED, claimed: 0n, exitsAt: 0 };

export type FrontLimits = {
  maxCalls: number;
  slowClientMs: number;
  maxCallMs: number;
  maxBodyBytes: number;
  maxBodyMs: number;
};

export type Front = {
  calls: CallServer;
  port: number;
  /** What the chain says of the test's channel, and of all others. */
  statusOf: (parties: Pick<ChannelParties, "payer" | "voucherKey">) => Promise<ChannelStatus>;
  account(): Promise<{ owed: bigint; reserved: bigint }>;
  /** For some calls more than are owed and under way. */
  headers(): Promise<Record<string, string>>;
  ask(body?: unknown): Promise<{ status: number; code: string | undefined }>;
  /** Sends a request by hand, and reads nothing until it is told to. */
  send(body: string, options?: { length?: number; headers?: Record<string, string> }): Promise<Socket>;
  close(): Promise<void>;
};

let [salts, incarnations] = [0, 0];

export async function startFront(store: Store, upstream: Upstream, changes: Partial<FrontLimits> = {}): Promise<Front> {
  const limits = {
    maxCalls: 4,
    slowClientMs: 200,
    maxCallMs: 60_000,
    maxBodyBytes: 10_000_000,
    maxBodyMs: 30_000,
    ...changes,
  };
  const model: ServedModel = {
    ...{ name: "local/m", provider: "local", upstreamName: "m", serves: [], maxOutput: 100, isBitExact: false },
    ...{ upstream, quote: { request: 10n, input: 0n, output: 20n } },
  };
  const front: Pick<Front, "statusOf"> = {
    statusOf: async ({ payer }) => (isAddressEqual(payer, CHANNEL.payer) ? OPEN : { ...OPEN, deposited: 0n }),
  };
  const admission = {
    ...{ operatorId: CHANNEL.operatorId, chainId: VOUCHER_DOMAIN.chainId, addresses: VOUCHER_DOMAIN },
    models: new Map([[model.name, model]]),
    channels: { statusOf: (parties: ChannelParties) => front.statusOf(parties) },
  };
  const common = { ...admission, ...limits, domain: RECEIPT_DOMAIN, isReady: () => true };
  const calls = createCallServer({ ...common, issuer: await issuerOf(store.calls, ++incarnations) });
  const metrics = createMetrics(calls.underWay);
  const app = createGatewayApp({ ...common, calls, store, metrics, onError: () => {} });
  const listening = await listen(app, { host: "127.0.0.1", port: 0, slowClientMs: limits.slowClientMs });
  const sockets: Socket[] = [];

  async function headers() {
    const { owed, reserved } = await store.calls.account(CHANNEL_ID);
    const voucher = await signVoucher(owed + reserved + 10n * CAP);
    const paid = callHeaders({ salt: numberToHex(++salts, { size: 32 }), voucher, maxPrice: CAP });
    return { "content-type": "application/json", ...paid };
  }

  return Object.assign(front, {
    calls,
    port: Number(new URL(listening.url).port),
    account: () => store.calls.account(CHANNEL_ID),
    headers,
    async ask(body: unknown = BODY) {
      const request = { method: "POST", headers: await headers(), body: JSON.stringify(body) };
      const response = await fetch(`${listening.url}${ROUTE}`, request);
      const { error } = (await response.json()) as { error?: { code: string } };
      return { status: response.status, code: error?.code };
    },
    async send(
      body: string,
      { length = body.length, ...options }: { length?: number; headers?: Record<string, string> } = {},
    ) {
      const all = { host: "gateway", "content-length": String(length), ...(options.headers ?? (await headers())) };
      const head = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
      const socket = connect(Number(new URL(listening.url).port), "127.0.0.1");
      sockets.push(socket);
      socket.on("error", () => {}).pause();
      socket.write(`POST ${ROUTE} HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n${body}`);
      return socket;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await listening.close();
    },
  });
}
