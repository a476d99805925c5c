import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Hex, stringToHex } from "viem";
import { signDigest } from "../../scripts/demo/calls/parties.ts";
import { channelOf } from "../../src/chain/channels.ts";
import { chainTime, type SigningChain } from "../../src/chain/clients.ts";
import { createIssuer, type IssuedCall, type Issuer, type Outcome } from "../../src/gateway/issuer.ts";
import { batchOf, type Inclusion } from "../../src/protocol/batch.ts";
import {
  CALL_HEADERS,
  type CallHeaders,
  partComment,
  readCallHeaders,
  receiptComment,
  receiptToHeader,
} from "../../src/protocol/callWire.ts";
import { channelId } from "../../src/protocol/channel.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { priceOf, type Quote, quoteToJson } from "../../src/protocol/quote.ts";
import { receiptId, responseRoot, type SignedPart, type SignedReceipt } from "../../src/protocol/receipt.ts";
import { receiptToJson } from "../../src/protocol/receiptJson.ts";
import { requestHash } from "../../src/protocol/requestHash.ts";
import { ROUTES } from "../../src/protocol/route.ts";
import { unpackVouchers, voucherSigner } from "../../src/protocol/voucher.ts";
import type { Store } from "../../src/store/store.ts";

/** What a FAKE gateway does wrong from now on. */
export type Fault =
  | "changed-body"
  | "changed-part"
  | "late-changed-part"
  | "wrong-price"
  | "above-quote"
  | "over-owed"
  | "under-owed"
  | "wrong-request-hash"
  | "wrong-model"
  | "wrong-sequence"
  | "other-served-model"
  | "other-key"
  | "replayed"
  | "no-receipt"
  | "unsigned-end"
  | "cut-stream"
  | "cut-body"
  | "garbage"
  | "huge-part"
  | "status-400"
  | "status-402"
  | "status-429"
  | "status-500"
  | "never-answers"
  | "switches-protocols"
  | "drops"
  | "other-answer";

export type FakeGateway = {
  operatorId: number;
  url: string;
  /** Undefined: it is honest. */
  fault: Fault | undefined;
  /** Before it answers, and between two parts of a stream. */
  delayMs: number;
  /** Parts of a stream. */
  partCount: number;
  /** Bytes of each part's text. */
  partBytes: number;
  /** What it asks for from now on. */
  quote: Quote;
  /** The highest voucher it was sent with a call, OPG base units. */
  promised: bigint;
  /** Of all its receipts, unix seconds; undefined: their true one. */
  issuedAt: number | undefined;
  /** Calls it was asked to answer; those whose client went away; parts it has sent. */
  calls: number;
  aborted: number;
  partsSent: number;
  /** By all its receipts, OPG base units; and the exact vouchers it was sent. */
  owed(): Promise<bigint>;
  exactVouchers: bigint[];
  /** Body of the last call. */
  lastBody: Record<string, unknown> | undefined;
  /** Receipts issued. */
  receipts: SignedReceipt[];
  /** Where it says that a receipt is anchored. */
  inclusions: Map<Hex, Inclusion>;
  /** Makes it honest and fast again, and counts from zero. */
  reset(): void;
  close(): Promise<void>;
};

export type FakeGatewayOptions = {
  /** Fake gateways of several operators may share one. */
  store: Store;
  /** Signs as the operator's signer. */
  chain: SigningChain;
  operatorId: number;
  quote?: Quote;
  models?: readonly string[];
  bitExact?: boolean;
  /** Zero: any free one. */
  port?: number;
};

type Open = {
  id: string;
  route: string;
  body: Record<string, unknown>;
  headers: CallHeaders;
  hash: Hex;
  channelId: Hex;
  parts: Hex[];
};

const QUOTE: Quote = { request: 1_000n, input: 10n, output: 20n };
const LIES: ReadonlySet<Fault> = new Set([
  ...(["changed-body", "changed-part", "late-changed-part", "wrong-price", "over-owed", "wrong-request-hash"] as const),
  ...(["wrong-model", "wrong-sequence", "other-key", "replayed", "no-receipt", "unsigned-end"] as const),
]);
const FRESH = {
  ...{ fault: undefined, delayMs: 0, partCount: 3, partBytes: 8, issuedAt: undefined },
  ...{ calls: 0, aborted: 0, partsSent: 0, promised: 0n, lastBody: undefined },
};
const MAX_OUTPUT = 1_000;
const UNITS = { inputUnits: 7n, outputUnits: 5n };

/**
 * A FAKE gateway on loopback: it speaks the wire form of calls, reads channels from the real chain and signs real parts and
 * receipts with the project's own issuer, but runs no model: what it says is made from the question. Each fault is a lie or a
 * failure of the kind its name says.
 */
export async function startFakeGateway(options: FakeGatewayOptions): Promise<FakeGateway> {
  const { chain, store, operatorId, models = ["fake/echo", "fake/other"], bitExact = true } = options;
  const domain = { chainId: chain.chainId, receipts: chain.addresses.receipts };
  const vouchers = { chainId: chain.chainId, vouchers: chain.addresses.vouchers };
  let now = await chainTime(chain);
  const sign = (digest: Hex) => signDigest(chain, digest);
  const issuer: Issuer = await createIssuer({
    calls: store.calls,
    domain,
    operatorId,
    incarnation: 1,
    sign,
    now: () => now,
  });
  const byRequest = new Map<Hex, SignedReceipt>();
  const underWay = new Set<Hex>();
  const channelIds = new Set<Hex>();
  let replayed: SignedReceipt | undefined;

  const gateway: FakeGateway = {
    ...{ operatorId, url: "", quote: options.quote ?? QUOTE, ...FRESH, exactVouchers: [], receipts: [] },
    reset() {
      Object.assign(gateway, FRESH);
      underWay.clear();
    },
    inclusions: new Map(),
    async owed() {
      const accounts = await Promise.all([...channelIds].map((id) => store.calls.account(id)));
      return accounts.reduce((sum, { owed }) => sum + owed, 0n);
    },
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };

  const refuse = (response: ServerResponse, status: number, code: string, headers = {}) => {
    const error = { message: `the fake says ${code}`, type: "invalid_request_error", param: null, code };
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ error }));
  };

  async function begin(open: Open): Promise<IssuedCall> {
    const { voucher, maxPrice, salt } = open.headers;
    const voucherKey = await voucherSigner(voucher, vouchers);
    const parties = { payer: voucher.voucher.payer, operatorId, voucherKey };
    const { opening, deposited, claimed } = await channelOf(chain, parties);
    const id = channelId({ ...parties, opening }, vouchers);
    channelIds.add(id);
    open.channelId = id;
    now = Math.max(now, await chainTime(chain));
    return await issuer.begin({
      ...{ channelId: id, payer: parties.payer, model: String(open.body.model), requestHash: open.hash, salt },
      ...{ voucher, voucherKey, cap: maxPrice, deposited, claimed },
    });
  }

  async function end(open: Open, call: IssuedCall): Promise<SignedReceipt> {
    const servedModel = gateway.fault === "other-served-model" ? "fake/cheaper" : String(open.body.model);
    const { maxPrice } = open.headers;
    const price = gateway.fault === "above-quote" ? maxPrice : priceOf(gateway.quote, UNITS, maxPrice);
    const outcome = { servedModel, ...UNITS, price };
    if (gateway.fault !== undefined && LIES.has(gateway.fault)) return await signUncounted(open, call, outcome);
    const signed = await dated(await call.end(outcome));
    gateway.receipts.push(signed);
    byRequest.set(open.hash, signed);
    return signed;
  }

  async function dated(signed: SignedReceipt): Promise<SignedReceipt> {
    if (gateway.issuedAt === undefined) return signed;
    const receipt = { ...signed.receipt, issuedAt: gateway.issuedAt };
    return { receipt, signature: await sign(receiptId(receipt, domain)) };
  }

  /** What was a lie isn't owed: the gateway can be honest again afterwards. */
  async function signUncounted(open: Open, call: IssuedCall, outcome: Outcome): Promise<SignedReceipt> {
    await call.abandon();
    const { hash, headers, body, parts, channelId: id } = open;
    const { owed } = await store.calls.account(id);
    const receipt = {
      ...{ operatorId, payer: headers.voucher.voucher.payer, channelId: id, sequence: await call.reserved() },
      ...{ model: String(body.model), requestHash: hash, partCount: parts.length, ...outcome },
      responseRoot: responseRoot(hash, headers.salt, parts),
      ...{ cumulativeOwed: owed + outcome.price, issuedAt: now },
    };
    return { receipt, signature: await sign(receiptId(receipt, domain)) };
  }

  /** The receipt as it is handed out: with the lie that was asked for. */
  async function lied({ receipt, signature }: SignedReceipt, open: Open): Promise<SignedReceipt> {
    const resign = async (changes: Partial<SignedReceipt["receipt"]>) => {
      const changed = { ...receipt, ...changes };
      return { receipt: changed, signature: await sign(receiptId(changed, domain)) };
    };
    switch (gateway.fault) {
      case "wrong-price":
        return await resign({ price: open.headers.maxPrice + 1n });
      case "over-owed":
        return await resign({ cumulativeOwed: receipt.cumulativeOwed + 10n ** 15n });
      case "under-owed":
        return await resign({ cumulativeOwed: receipt.price });
      case "wrong-request-hash":
        return await resign({ requestHash: requestHash(open.headers.salt, open.route, { ...open.body, user: "x" }) });
      case "wrong-model":
        return await resign({ model: "fake/other" });
      case "wrong-sequence":
        return await resign({ sequence: receipt.sequence + 1n });
      case "other-key":
        return { receipt: { ...receipt, outputUnits: 6n }, signature };
      case "replayed":
        return replayed ?? { receipt, signature };
      default:
        return { receipt, signature };
    }
  }

  async function answerWhole(open: Open, response: ServerResponse): Promise<void> {
    const call = await begin(open);
    await pause();
    if (response.destroyed) return await call.abandon();
    const text = gateway.fault === "garbage" ? "\u0000garbage" : JSON.stringify(answerTo(open));
    await call.whole(stringToHex(text));
    open.parts.push(stringToHex(text));
    const signed = await end(open, call);
    const receipt = await lied(signed, open);
    replayed ??= signed;
    underWay.delete(open.hash);
    const said = gateway.fault === "changed-body" ? text.replace("echo", "ECHO") : text;
    response.writeHead(200, {
      "content-type": "application/json",
      ...(gateway.fault !== "no-receipt" && { [CALL_HEADERS.receipt]: receiptToHeader({ ...receipt, domain }) }),
      ...(gateway.fault === "cut-body" && { "content-length": said.length + 100 }),
    });
    if (gateway.fault === "cut-body") return void response.write(said, () => response.destroy());
    response.end(said);
  }

  function answerTo({ route, body, id }: Open): Record<string, unknown> {
    const text = `echo: ${textOf(body)}${gateway.fault === "other-answer" ? "?" : ""}`;
    const usage = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 };
    if (route === "/v1/embeddings") {
      return {
        object: "list",
        model: body.model,
        data: [{ object: "embedding", index: 0, embedding: [0.5, 1] }],
        usage,
      };
    }
    if (route === "/v1/inference") return { object: "inference", model: body.model, output: text };
    const message = { role: "assistant", content: text, refusal: null };
    const choices = [{ index: 0, message, finish_reason: "stop", logprobs: null }];
    return { id: bitExact ? "chat" : id, object: "chat.completion", created: 0, model: body.model, choices, usage };
  }

  async function answerStream(open: Open, response: ServerResponse): Promise<void> {
    const call = await begin(open);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const send = async (text: string) => {
      if (!response.write(text) && !response.destroyed) {
        await new Promise<void>((resolve) => {
          const go = () => {
            response.off("drain", go).off("close", go);
            resolve();
          };
          response.on("drain", go).on("close", go);
        });
      }
    };
    for (let index = 0; index < gateway.partCount; index++) {
      await pause();
      if (response.destroyed) break;
      const isLast = index === gateway.partCount - 1;
      const bytes = chunkOf(open, index, isLast) + (isLast ? "data: [DONE]\n\n" : "");
      const part = await call.part(stringToHex(bytes));
      open.parts.push(stringToHex(bytes));
      const lie =
        (gateway.fault === "changed-part" && index === 0) || (gateway.fault === "late-changed-part" && index === 1);
      if (gateway.fault === "cut-stream" && index === 1) {
        await end(open, call);
        underWay.delete(open.hash);
        return void response.destroy();
      }
      if (gateway.fault === "garbage" && index === 1) {
        await send("\u0000\u0001 garbage without an end".repeat(10));
        await end(open, call);
        underWay.delete(open.hash);
        return void response.end();
      }
      if (gateway.fault === "huge-part" && index === 1) await send(`data: ${"x".repeat(2 * 1024 * 1024)}`);
      await send((lie ? bytes.replace("echo", "ECHO") : bytes) + comment(part));
      gateway.partsSent += 1;
    }
    const signed = await end(open, call);
    underWay.delete(open.hash);
    if (gateway.fault === "unsigned-end") await send('data: {"choices":[]}\n\n');
    replayed ??= signed;
    if (response.destroyed) gateway.aborted += 1;
    response.end(receiptComment({ ...(await lied(signed, open)), domain }));
  }

  const comment = (part: SignedPart) => partComment({ ...part, domain });

  function chunkOf({ body, id }: Open, index: number, isLast: boolean): string {
    const content = index === 0 ? `echo: ${textOf(body)}` : ".".repeat(gateway.partBytes);
    const choices = [{ index: 0, delta: { role: "assistant", content }, finish_reason: isLast ? "stop" : null }];
    return `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created: 0, model: body.model, choices })}\n\n`;
  }

  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, gateway.delayMs));

  async function answer(request: IncomingMessage, response: ServerResponse, route: string): Promise<void> {
    gateway.calls += 1;
    const body = JSON.parse((await readBody(request)).toString()) as Record<string, unknown>;
    gateway.lastBody = body;
    const headers = readCallHeaders((name) => request.headers[name] as string | undefined, operatorId);
    const { cumulativeAmount } = headers.voucher.voucher;
    if (cumulativeAmount > gateway.promised) gateway.promised = cumulativeAmount;
    const open: Open = {
      id: `id-${gateway.calls}`,
      route,
      body,
      headers,
      hash: requestHash(headers.salt, route, body),
      channelId: headers.salt,
      parts: [],
    };
    if (gateway.fault === "status-400") return refuse(response, 400, "invalid_value");
    if (gateway.fault === "status-402") return refuse(response, 402, "no_channel");
    if (gateway.fault === "status-429") return refuse(response, 429, "rate_limit", { "retry-after": "1" });
    if (gateway.fault === "status-500") return refuse(response, 500, "upstream_failed");
    if (gateway.fault === "switches-protocols") {
      request.socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
      return;
    }
    underWay.add(open.hash);
    if (gateway.fault === "drops") return void response.destroy(); // and says for ever that it is still about it
    if (gateway.fault === "never-answers") {
      response.on("close", () => {
        underWay.delete(open.hash);
        gateway.aborted += 1;
      });
      return;
    }
    if (body.stream === true) await answerStream(open, response);
    else await answerWhole(open, response);
  }

  function receiptOf(id: string, isProof: boolean, response: ServerResponse): void {
    const found = byRequest.get(id as Hex) ?? gateway.receipts.find(({ receipt }) => receiptId(receipt, domain) === id);
    const inclusion = found && gateway.inclusions.get(receiptId(found.receipt, domain));
    if (found === undefined) {
      const isUnderWay = underWay.has(id as Hex);
      refuse(response, isUnderWay ? 409 : 404, isUnderWay ? "call_in_progress" : "unknown_receipt");
    } else if (isProof && inclusion === undefined) {
      refuse(response, 409, "not_anchored_yet");
    } else {
      const json = receiptToJson({ ...found, domain, ...(inclusion && { inclusion }) });
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(json));
    }
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname;
    const receipt = /^\/v1\/receipts\/(0x[0-9a-f]{64})(\/proof)?$/.exec(path);
    if (ROUTES.some((known) => known === path)) return await answer(request, response, path);
    if (receipt?.[1] !== undefined) {
      receiptOf(receipt[1], receipt[2] !== undefined, response);
      return;
    }
    if (path === "/v1/vouchers") {
      const [voucher] = unpackVouchers(operatorId, request.headers[CALL_HEADERS.voucher] as Hex);
      gateway.exactVouchers.push(voucher?.voucher.cumulativeAmount ?? 0n);
      return void response.writeHead(204).end();
    }
    if (path !== "/v1/models") return refuse(response, 404, "unknown_url");
    const opg = {
      operatorId,
      routes: ROUTES,
      stream: true,
      bitExact,
      quote: quoteToJson(gateway.quote),
      maxOutput: MAX_OUTPUT,
    };
    const data = models.map((id) => ({ id, object: "model", created: 0, owned_by: "fake", opg }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "list", data }));
  }

  const server = createServer((request, response) => {
    response.on("error", () => {});
    route(request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy();
      const code = error instanceof ProtocolError ? error.code.replace("/", "_") : String(error);
      refuse(response, code.startsWith("call_") ? 402 : 500, code);
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return gateway;
}

/** A batch of all of a gateway's receipts, as it is anchored. */
export function batchOfAll(gateway: FakeGateway, domain: { chainId: number; receipts: Hex }) {
  const ids = gateway.receipts.map(({ receipt }) => receiptId(receipt, domain));
  return { ids, content: batchOf(ids) };
}

function textOf(body: Record<string, unknown>): string {
  return JSON.stringify(body.messages ?? body.input ?? body.prompt ?? "").slice(0, 200);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
