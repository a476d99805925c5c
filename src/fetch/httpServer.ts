import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { ProtocolError } from "../protocol/errors.ts";

export type HttpServer = {
  /** `http://host:port`, without a slash at its end. */
  url: string;
  server: Server;
  /** Takes no more requests, lets what is being answered leave for a while, then ends all connections. */
  close(): Promise<void>;
};

export type HttpServerOptions = {
  fetch: (request: Request) => Response | Promise<Response>;
  host: string;
  /** 0: any that is free. */
  port: number;
  serverOptions?: NonNullable<Parameters<typeof serve>[0]["serverOptions"]>;
};

/** Until the last bytes of an answer that is made must have left. */
const GRACE_MS = 2_000;
const LOOK_MS = 20;

/** Listens. @throws ProtocolError `listen/taken`, `listen/refused` */
export async function openHttpServer({ host, port, ...options }: HttpServerOptions): Promise<HttpServer> {
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
  const server = serve({ ...options, hostname: host, port }, resolve) as Server;
  server.once("error", (error) => reject(asListenError(error, host, port)));
  const { address, port: taken, family } = await promise;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${taken}`,
    server,
    close: () => close(server),
  };
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  const looking = setInterval(() => server.closeIdleConnections(), LOOK_MS);
  const ending = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearInterval(looking);
  clearTimeout(ending);
}

function asListenError(error: NodeJS.ErrnoException, host: string, port: number): ProtocolError {
  if (error.code === "EADDRINUSE") {
    return new ProtocolError(
      "listen/taken",
      `port ${port} of ${host} is taken by another program: end that one, or choose another port`,
      { isRetryable: true, cause: error },
    );
  }
  return new ProtocolError(
    "listen/refused",
    `can't listen on port ${port} of ${host} (${error.code ?? error.message}): choose another port, or an address of this machine`,
    { cause: error },
  );
}
