import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Hex } from "viem";
import { openHttpServer } from "../fetch/httpServer.ts";
import { ApiError, badRequest } from "../protocol/apiError.ts";
import { readJsonBody } from "../protocol/jsonBody.ts";
import { oneLine } from "../protocol/oneLine.ts";
import { type ReceiptJson, receiptToJson } from "../protocol/receiptJson.ts";
import { ROUTES, type Route } from "../protocol/route.ts";
import type { ProofState } from "../store/paidCalls.ts";
import { readAskOptions, tooLarge } from "./appRequest.ts";
import { MAX_BODY_BYTES } from "./exchange.ts";
import type { Connect, KeptReceipt } from "./openConnect.ts";
import { asApiError, errorResponse } from "./toResponse.ts";

/** Receipts in a list, unless told. */
const LISTED = 100;
const HASH = /^0x[0-9a-f]{64}$/;

/** What the app's server needs of the local end. */
export type ConnectForApps = Pick<Connect, "ask" | "models" | "receipt" | "receipts">;

/** One of `GET /v1/receipts`: `receipt` is the file that `opg receipt verify` takes. */
export type ListedReceipt = { receiptId: Hex; proof: ProofState; receipt: ReceiptJson };

/**
 * The local end as an OpenAI-compatible API.
 * @param isOnlyLocal refuses requests to any name that isn't this machine's: a web page whose name was made to lead here
 * (DNS rebinding) would spend the payer's OPG, and read the answers
 */
export function createConnectApp({ ask, models, receipt, receipts }: ConnectForApps, isOnlyLocal = false): Hono {
  const app = new Hono();
  if (isOnlyLocal) {
    app.use(async ({ req }, next) => {
      const host = req.header("host");
      if (!isThisMachine(host)) throw notNamedSo(host);
      await next();
    });
  }
  app.use(limitBody);
  for (const route of ROUTES) {
    app.post(route, async ({ req }) => {
      const options = readAskOptions((name) => req.header(name));
      const body = await readJsonBody({ contentType: req.header("content-type"), text: () => req.text() });
      return await ask(route satisfies Route, body, { ...options, signal: req.raw.signal });
    });
  }
  app.get("/v1/models", (c) => c.json({ object: "list", data: models() }));
  app.get("/v1/receipts", async (c) => {
    const kept = await receipts(readLimit(c.req.query("limit")));
    return c.json({ object: "list", data: kept.map(toListed) });
  });
  app.get("/v1/receipts/:id", async (c) => {
    const id = c.req.param("id").toLowerCase();
    const found = HASH.test(id) ? await receipt(id as Hex) : undefined;
    if (found !== undefined) return c.json(receiptToJson(found));
    throw notFound("there is no such receipt here: ask with a receiptId or a request's hash", "unknown_receipt");
  });
  app.get("/health", (c) => c.json({ status: "ok" }));
  app.notFound(() => errorResponse(notFound("there is nothing here: see the routes of OpenAI's API", "unknown_url")));
  app.onError((error) => errorResponse(asApiError(error)));
  return app;
}

const limitAnyBody = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: () => errorResponse(tooLarge()) });

/** The library's own way looks at the body, which makes a stream of it, even where its length is told. */
const limitBody: MiddlewareHandler = async (context, next) => {
  const length = context.req.header("content-length");
  const isTold = length !== undefined && context.req.header("transfer-encoding") === undefined;
  if (!isTold) return await limitAnyBody(context, next);
  if (Number(length) > MAX_BODY_BYTES) return errorResponse(tooLarge());
  return await next();
};

export type ServeOptions = {
  port: number;
  /** 127.0.0.1 unless told: whoever reaches it spends the payer's OPG. */
  host?: string;
};

export type ConnectServer = { url: string; close(): Promise<void> };

/** Serves apps. @throws ProtocolError `listen/…` */
export async function serveConnect(connect: ConnectForApps, options: ServeOptions): Promise<ConnectServer> {
  const { port, host = "127.0.0.1" } = options;
  const app = createConnectApp(connect, isThisMachine(host.includes(":") ? `[${host}]` : host));
  return await openHttpServer({ fetch: app.fetch, host, port });
}

function toListed({ receiptId, proof, ...portable }: KeptReceipt): ListedReceipt {
  return { receiptId, proof, receipt: receiptToJson(portable) };
}

function readLimit(text = String(LISTED)): number {
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text);
  throw badRequest("limit is something else than a number from 1 to 9999: send one", "invalid_value", "limit");
}

/** Whether a request's `host` leads to this machine whatever a name server says. */
function isThisMachine(host = ""): boolean {
  const hostname = URL.parse(`http://${host}`)?.hostname ?? "";
  return hostname === "[::1]" || /^(127(\.\d+){3}|(.+\.)?localhost)$/.test(hostname);
}

function notNamedSo(host = "none"): ApiError {
  const message = `got a request to the host ${oneLine(host).slice(0, 100)}, wanted is localhost: use that in the base URL`;
  return new ApiError(message, { status: 403, type: "invalid_request_error", code: "foreign_host" });
}

function notFound(message: string, code: string): ApiError {
  return new ApiError(message, { status: 404, type: "not_found_error", code });
}
