import { expect } from "chai";
import type { Hono } from "hono";
import { getAddress, type Hex, numberToHex, toHex } from "viem";
import type { ChannelStatus } from "../../../src/chain/channels.ts";
import { type CallServer, type CallServerOptions, createCallServer } from "../../../src/gateway/callServer.ts";
import { createMetrics } from "../../../src/gateway/metrics.ts";
import type { ServedModel } from "../../../src/gateway/models.ts";
import { createGatewayApp } from "../../../src/gateway/server.ts";
import type { UpstreamAnswer, UpstreamRequest } from "../../../src/gateway/upstream.ts";
import { ApiError } from "../../../src/protocol/apiError.ts";
import { CALL_HEADERS, callHeaders, receiptFromHeader } from "../../../src/protocol/callWire.ts";
import { receiptId, responseRoot } from "../../../src/protocol/receipt.ts";
import { parseReceipt } from "../../../src/protocol/receiptJson.ts";
import { requestHash } from "../../../src/protocol/requestHash.ts";
import type { Store } from "../../../src/store/store.ts";
import {
  CAP,
  CHANNEL,
  CHANNEL_ID,
  issuerOf,
  RECEIPT_DOMAIN,
  signVoucher,
  VOUCHER_DOMAIN,
} from "../../support/calls.ts";
import { BODY, OPEN, ROUTE } from "../../support/gatewayFront.ts";
import { eventually } from "../../support/gatewayLife.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";

const MAX_BODY_BYTES = 10_000;
const ANSWER: UpstreamAnswer = {
  body: { id: "1", model: "m", choices: [] },
  served: { model: "m", inputUnits: 3n, outputUnits: 2n },
};
/** `request + input × 3 + output × 2` */
const PRICE = 10n + 3n + 40n;

type Run = (request: UpstreamRequest) => Promise<UpstreamAnswer>;
type Changes = { headers?: Record<string, string | undefined>; body?: string; signal?: AbortSignal };

describe("a gateway's front", function () {
  this.timeout(30_000);
  let store: Store;
  let app: Hono;
  let calls: CallServer;
  let run: Run;
  /** What the upstream was asked. */
  let asked: UpstreamRequest[];
  let status: ChannelStatus;
  let isReady: boolean;
  let errors: unknown[];
  let salts = 0n;
  let issuer: CallServerOptions["issuer"];

  /** The one of the test's voucher key is open, no other was. */
  const channels = {
    statusOf: ({ voucherKey }: { voucherKey: Hex }) =>
      Promise.resolve(voucherKey === getAddress(CHANNEL.voucherKey) ? status : { ...OPEN, opening: 0, deposited: 0n }),
  };

  before(async () => {
    store = await openTemporaryStore();
    issuer = await issuerOf(store.calls, 1);
  });
  after(() => store.close());

  beforeEach(() => {
    [asked, errors, status, isReady, run] = [[], [], OPEN, true, () => Promise.resolve(ANSWER)];
    const answer = (request: UpstreamRequest) => {
      asked.push(request);
      return run(request);
    };
    const model: ServedModel = {
      ...{ name: "local/m", provider: "local", upstreamName: "m", serves: [], maxOutput: 100, isBitExact: false },
      upstream: { answer: { [ROUTE]: answer }, stream: {} },
      quote: { request: 10n, input: 1n, output: 20n },
    };
    const admission = {
      ...{ operatorId: CHANNEL.operatorId, chainId: VOUCHER_DOMAIN.chainId, addresses: VOUCHER_DOMAIN },
      models: new Map([[model.name, model]]),
      channels,
    };
    const metrics = createMetrics(() => calls.underWay());
    calls = createCallServer({
      ...{
        ...admission,
        issuer,
        domain: RECEIPT_DOMAIN,
        maxCalls: 2,
        slowClientMs: 1_000,
        maxCallMs: 60_000,
        onEnd: metrics.onEnd,
      },
      isReady: () => isReady,
    });
    app = createGatewayApp({
      ...{ ...admission, calls, store, domain: RECEIPT_DOMAIN, metrics, maxBodyBytes: MAX_BODY_BYTES },
      isReady: () => isReady,
      onError: (error) => errors.push(error),
    });
  });

  /** A voucher for all that is owed, all that is under way, and one call more. */
  async function nextVoucher() {
    const { owed, reserved } = await store.calls.account(CHANNEL_ID);
    return await signVoucher(owed + reserved + CAP);
  }

  async function paidHeaders(): Promise<Record<string, string> & { salt: Hex }> {
    salts += 1n;
    const salt = numberToHex(salts, { size: 32 });
    return { salt, ...callHeaders({ salt, voucher: await nextVoucher(), maxPrice: CAP }) };
  }

  async function ask({ headers = {}, body = JSON.stringify(BODY), signal }: Changes = {}): Promise<Response> {
    const { salt: _, ...paid } = await paidHeaders();
    const all = Object.entries({ "content-type": "application/json", ...paid, ...headers });
    const sent = all.filter((header): header is [string, string] => header[1] !== undefined);
    return await app.request(ROUTE, { method: "POST", headers: sent, body, ...(signal && { signal }) });
  }

  async function errorOf(response: Response): Promise<{ status: number; code: string; message: string }> {
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    return { status: response.status, code: error.code, message: error.message };
  }

  async function figures(): Promise<string> {
    return await (await app.request("/metrics")).text();
  }

  /** Until so many calls are under way: asked, and reserved, which may be a moment later. */
  async function untilAsked(count: number): Promise<void> {
    await eventually(async () => (await store.calls.account(CHANNEL_ID)).reserved === BigInt(count) * CAP);
    expect(asked).to.have.lengthOf(count);
  }

  it("answers what is paid for, and shows the call's receipt by either of its ids", async () => {
    const { salt, ...headers } = await paidHeaders();
    const before = (await store.calls.account(CHANNEL_ID)).owed;
    const response = await ask({ headers });
    expect(response.status).to.equal(200);
    const text = await response.text();
    expect(JSON.parse(text)).to.deep.equal({ ...ANSWER.body, model: "local/m" });
    const { receipt, signature } = receiptFromHeader(response.headers.get(CALL_HEADERS.receipt) ?? "");
    const hash = requestHash(salt, ROUTE, BODY);
    expect(receipt).to.include({
      requestHash: hash,
      price: PRICE,
      cumulativeOwed: before + PRICE,
      servedModel: "local/m",
    });
    expect(receipt.responseRoot).to.equal(responseRoot(hash, salt, [toHex(text)]));

    for (const id of [hash, receiptId(receipt, RECEIPT_DOMAIN)]) {
      const shown = await app.request(`/v1/receipts/${id}`);
      expect(parseReceipt(await shown.text())).to.deep.equal({ receipt, signature, domain: RECEIPT_DOMAIN });
      const proof = await app.request(`/v1/receipts/${id}/proof`);
      expect(await errorOf(proof)).to.include({ status: 409, code: "not_anchored_yet" });
    }
    expect(await figures()).to.include(`opg_calls_total{route="${ROUTE}",model="local/m",outcome="ok"} 1`);
  });

  describe("refuses before there is any cost", () => {
    const elsewhere = async () => {
      const voucher = await signVoucher(CAP, { ...CHANNEL, opening: 2 });
      return callHeaders({ salt: numberToHex(2n ** 100n, { size: 32 }), voucher, maxPrice: CAP });
    };
    const cases: [name: string, wanted: [number, string], change: () => Changes | Promise<Changes>][] = [
      [
        "a call without a voucher",
        [402, "call_missing_header"],
        () => ({ headers: { [CALL_HEADERS.voucher]: undefined } }),
      ],
      ["half a voucher", [400, "call_malformed_header"], () => ({ headers: { [CALL_HEADERS.voucher]: "0x1234" } })],
      ["a price that is none", [400, "call_malformed_header"], () => ({ headers: { [CALL_HEADERS.maxPrice]: "1.5" } })],
      ["another channel's voucher", [402, "no_channel"], async () => ({ headers: await elsewhere() })],
      [
        "a voucher for less than this call",
        [402, "call_voucher_too_low"],
        () => ({ headers: { [CALL_HEADERS.maxPrice]: String(10n ** 9n) } }),
      ],
      ["a cap that can't do", [402, "call_cap_too_low"], () => ({ headers: { [CALL_HEADERS.maxPrice]: "20" } })],
      ["another model", [404, "model_not_found"], () => ({ body: JSON.stringify({ ...BODY, model: "local/other" }) })],
      ["no model", [400, "missing_model"], () => ({ body: JSON.stringify({ messages: BODY.messages }) })],
      ["what isn't JSON", [400, "invalid_json"], () => ({ body: "{" })],
      [
        "what doesn't say that it is JSON",
        [415, "unsupported_media_type"],
        () => ({ headers: { "content-type": "text/plain" } }),
      ],
      ["a list", [400, "invalid_body"], () => ({ body: "[]" })],
      [
        "a question of another form",
        [400, "invalid_value"],
        () => ({ body: JSON.stringify({ ...BODY, messages: 1 }) }),
      ],
      [
        "a stream that the model doesn't have",
        [400, "unsupported_parameter"],
        () => ({ body: JSON.stringify({ ...BODY, stream: true }) }),
      ],
      [
        "a body over the limit",
        [413, "body_too_large"],
        () => ({ body: JSON.stringify({ ...BODY, pad: "x".repeat(MAX_BODY_BYTES) }) }),
      ],
    ];
    for (const [name, [wantedStatus, code], change] of cases) {
      it(name, async () => {
        const before = await store.calls.account(CHANNEL_ID);
        expect(await errorOf(await ask(await change()))).to.include({ status: wantedStatus, code });
        expect(asked).to.deep.equal([]);
        const { owed, reserved } = await store.calls.account(CHANNEL_ID);
        expect({ owed, reserved }).to.deep.equal({ owed: before.owed, reserved: before.reserved });
        expect(await figures()).to.include(`opg_requests_refused_total{code="${code}"} 1`);
      });
    }

    it("a voucher of another chain, which there is nobody's key", async () => {
      const { salt: _, ...headers } = await paidHeaders();
      const other = createGatewayApp({
        ...{ operatorId: CHANNEL.operatorId, chainId: 1, addresses: VOUCHER_DOMAIN, models: new Map(), calls, store },
        channels,
        ...{ domain: RECEIPT_DOMAIN, metrics: createMetrics(() => 0), isReady: () => true, maxBodyBytes: 10 },
        onError: (error) => errors.push(error),
      });
      const response = await other.request("/v1/vouchers", { method: "POST", headers });
      expect(await errorOf(response)).to.include({ status: 402, code: "no_channel" });
    });

    it("a channel on its way out", async () => {
      status = { ...OPEN, exitsAt: 5 };
      expect(await errorOf(await ask())).to.include({ status: 402, code: "channel_exiting" });
      expect(asked).to.deep.equal([]);
    });

    it("more than the channel holds", async () => {
      const { owed } = await store.calls.account(CHANNEL_ID);
      status = { ...OPEN, deposited: owed + CAP - 1n };
      expect(await errorOf(await ask())).to.include({ status: 402, code: "call_channel_too_small" });
      expect(asked).to.deep.equal([]);
    });

    it("the same request twice", async () => {
      const { salt: _, ...headers } = await paidHeaders();
      expect((await ask({ headers })).status).to.equal(200);
      headers[CALL_HEADERS.voucher] = callHeaders({
        ...{ salt: headers[CALL_HEADERS.salt] as Hex, voucher: await nextVoucher(), maxPrice: CAP },
      })[CALL_HEADERS.voucher] as string;
      expect(await errorOf(await ask({ headers }))).to.include({ status: 409, code: "call_replayed" });
      expect(asked).to.have.lengthOf(1);
    });
  });

  it("reads no body of somebody who can't pay", async () => {
    const body = new ReadableStream(
      {
        pull() {
          throw new Error("it was read");
        },
      },
      { highWaterMark: 0 },
    );
    const request = new Request(`http://gateway${ROUTE}`, {
      ...{ method: "POST", body, duplex: "half", headers: { "content-type": "application/json" } },
    } as RequestInit);
    expect(await errorOf(await app.request(request))).to.include({ status: 402, code: "call_missing_header" });
    expect(request.bodyUsed).to.equal(false);
  });

  it("takes no more calls at a time than it was told, and says when to try again", async () => {
    const { promise, resolve } = Promise.withResolvers<UpstreamAnswer>();
    run = () => promise;
    const first = ask();
    await untilAsked(1);
    const second = ask();
    await untilAsked(2);
    const response = await ask();
    expect(response.headers.get("retry-after")).to.equal("1");
    expect(await errorOf(response)).to.include({ status: 503, code: "overloaded" });
    resolve(ANSWER);
    await Promise.all([first, second]);
    expect(calls.underWay()).to.equal(0);
    expect((await ask()).status).to.equal(200);
  });

  it("takes none while it has lost sight of the chain", async () => {
    isReady = false;
    expect(await errorOf(await ask())).to.include({ status: 503, code: "not_ready" });
    expect((await app.request("/ready")).status).to.equal(503);
    expect((await app.request("/health")).status).to.equal(200);
  });

  /** Until the signal ends it. */
  const untilAborted: Run = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

  it("stops the upstream when the client goes away, and charges nothing", async () => {
    run = untilAborted;
    const before = (await store.calls.account(CHANNEL_ID)).owed;
    const client = new AbortController();
    const response = ask({ signal: client.signal });
    await untilAsked(1);
    client.abort(new Error("gone"));
    await (await response).text();
    expect(asked[0]?.signal.aborted).to.equal(true);
    expect(calls.underWay()).to.equal(0);
    const { owed, reserved } = await store.calls.account(CHANNEL_ID);
    expect({ owed, reserved }).to.deep.equal({ owed: before, reserved: 0n });
  });

  it("waits for calls under way when it stops, and takes no more", async () => {
    const { promise, resolve } = Promise.withResolvers<UpstreamAnswer>();
    run = () => promise;
    const response = ask();
    await untilAsked(1);
    const stopped = calls.stop(AbortSignal.timeout(10_000));
    expect(await errorOf(await ask())).to.include({ status: 503, code: "stopping" });
    resolve(ANSWER);
    await stopped;
    expect((await response).status).to.equal(200);
  });

  it("stops the upstreams when its time to stop is over", async () => {
    run = untilAborted;
    const response = ask();
    await untilAsked(1);
    await calls.stop(AbortSignal.abort(new Error("no time")));
    expect(asked[0]?.signal.aborted).to.equal(true);
    await (await response).text();
    expect((await store.calls.account(CHANNEL_ID)).reserved).to.equal(0n);
  });

  it("passes on what the upstream says is wrong, and charges nothing", async () => {
    const before = (await store.calls.account(CHANNEL_ID)).owed;
    run = () =>
      Promise.reject(
        new ApiError("wait", {
          status: 429,
          type: "rate_limit_error",
          code: "rate_limit_exceeded",
          retryAfterSeconds: 7.2,
        }),
      );
    const response = await ask();
    expect(response.headers.get("retry-after")).to.equal("8");
    expect(await errorOf(response)).to.include({ status: 429, code: "rate_limit_exceeded" });
    const { owed, reserved } = await store.calls.account(CHANNEL_ID);
    expect({ owed, reserved }).to.deep.equal({ owed: before, reserved: 0n });
  });

  it("says nothing of its own faults but that there was one, and tells its operator", async () => {
    const fault = new Error("the key is 0xsecret");
    run = () => Promise.reject(fault);
    const { message, ...said } = await errorOf(await ask());
    expect(said).to.deep.equal({ status: 500, code: "internal_error" });
    expect(message).not.to.include("secret");
    expect(errors).to.deep.equal([fault]);
  });

  it("answers 404 in OpenAI's shape where there is nothing", async () => {
    expect(await errorOf(await app.request("/v2/nothing"))).to.include({ status: 404, code: "unknown_route" });
    const receipt = await app.request(`/v1/receipts/${numberToHex(1, { size: 32 })}`);
    expect(await errorOf(receipt)).to.include({ status: 404, code: "unknown_receipt" });
    expect(await errorOf(await app.request("/v1/receipts/0x12"))).to.include({ status: 400, code: "invalid_value" });
  });
});
