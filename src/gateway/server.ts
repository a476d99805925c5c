import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { openHttpServer } from "../fetch/httpServer.ts";
import { ApiError } from "../protocol/apiError.ts";
import type { ReceiptDomain } from "../protocol/receipt.ts";
import type { Store } from "../store/store.ts";
import { type AdmissionOptions, toApiError } from "./admit.ts";
import { createBodyReader, tooLarge } from "./bodyReader.ts";
import type { CallServer } from "./callServer.ts";
import type { Metrics } from "./metrics.ts";
import { modelsToJson } from "./models.ts";
import { addCallRoutes } from "./routes/calls.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addReceiptRoutes } from "./routes/receipts.ts";
import { addVoucherRoute } from "./routes/vouchers.ts";

export type GatewayAppOptions = AdmissionOptions & {
  calls: CallServer;
  store: Pick<Store, "calls" | "batches">;
  domain: ReceiptDomain;
  metrics: Metrics;
  isReady: () => boolean;
  maxBodyBytes: number;
  /** 30 s unless told. */
  maxBodyMs?: number;
  /** An error that isn't the client's. */
  onError: (error: unknown) => void;
};

/** So many bodies of the greatest size are read at a time; and so many of one channel. */
const BODIES_TOGETHER = 128;
const BODIES_OF_CHANNEL = 2;
const BODY_TIMEOUT_MS = 30_000;

/** The gateway's HTTP side; every error has the shape OpenAI's API gives errors. */
export function createGatewayApp(options: GatewayAppOptions): Hono {
  const { calls, store, domain, metrics, isReady, maxBodyBytes } = options;
  const app = new Hono();
  // Calls' bodies are read once it is known who pays; nothing else that comes here has one.
  app.use("/v1/vouchers", bodyLimit({ maxSize: 0, onError: () => tooLarge(0).toResponse() }));
  addCallRoutes(
    app,
    calls,
    domain,
    createBodyReader({
      maxBytes: maxBodyBytes,
      maxOfChannel: BODIES_OF_CHANNEL * maxBodyBytes,
      maxTogether: BODIES_TOGETHER * maxBodyBytes,
      maxMs: options.maxBodyMs ?? BODY_TIMEOUT_MS,
    }),
  );
  addReceiptRoutes(app, store, domain);
  addVoucherRoute(app, options, store);
  addHealthRoutes(app, isReady, metrics.registry);
  const models = modelsToJson(options.models, options.operatorId);
  app.get("/v1/models", (context) => context.json(models));
  app.notFound((context) =>
    new ApiError(`there is no ${context.req.method} ${context.req.path.slice(0, 100)} here`, {
      ...{ status: 404, type: "not_found_error", code: "unknown_route" },
    }).toResponse(),
  );
  app.onError((cause, context) => {
    const error = isCut(context.env as Partial<HttpBindings>) ? clientLeft(cause) : toApiError(cause);
    metrics.onRefused(error.code);
    if (error.status >= 500 && error.type === "server_error") options.onError(error.cause ?? error);
    return error.toResponse();
  });
  return app;
}

/** Whether the client went away before all of its request was here. */
function isCut({ incoming }: Partial<HttpBindings> = {}): boolean {
  return incoming?.destroyed === true && !incoming.complete;
}

/** Nobody gets it: for the figures. */
function clientLeft(cause: unknown): ApiError {
  return new ApiError("the request ended before it was whole", {
    ...{ status: 499, type: "invalid_request_error", code: "client_left", cause },
  });
}

export type Listening = { url: string; close(): Promise<void> };

const HEADERS_TIMEOUT_MS = 10_000;
/** Of those whose body nobody reads. */
const REQUEST_TIMEOUT_MS = HEADERS_TIMEOUT_MS + BODY_TIMEOUT_MS;
const TIMEOUT_CHECKS_MS = 5_000;
const MAX_CONNECTIONS = 10_000;

export type ListenOptions = { host: string; port: number; slowClientMs: number };

/**
 * Listens; a client that sends its request too slowly, or takes nothing of its answer for too long, is cut off.
 * @throws ProtocolError `listen/…`
 */
export async function listen(app: Hono, { host, port, slowClientMs }: ListenOptions): Promise<Listening> {
  const serverOptions = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECKS_MS,
  };
  const { server, url, close } = await openHttpServer({ fetch: app.fetch, host, port, serverOptions });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("request", (_, response) => {
    // Told when nothing has moved: an answer that is still being made has nothing that waits.
    response.setTimeout(slowClientMs, () => {
      if ((response.socket?.writableLength ?? 0) > 0) response.destroy();
    });
  });
  return { url, close };
}
