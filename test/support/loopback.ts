import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** Servers on 127.0.0.1 that end together. */
export type Loopback = {
  /** @returns the server's URL, ending in a slash */
  serve(listener: RequestListener): Promise<string>;
  /** The same under https; the URL names the host the certificate is for, which needs resolving. */
  serveTls(host: string, identity: { key: string; cert: string }, listener: RequestListener): Promise<string>;
  /** Says what it likes on each connection, HTTP or not. */
  serveRaw(onConnection: (socket: Socket) => void): Promise<string>;
  close(): void;
};

export function createLoopback(): Loopback {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  /** @returns the port */
  async function listen(server: Server): Promise<number> {
    servers.push(server);
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket)).on("error", () => {}); // clients hang up in the middle here
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  return {
    serve: async (listener) => `http://127.0.0.1:${await listen(createHttpServer(listener))}/`,
    serveTls: async (host, identity, listener) =>
      `https://${host}:${await listen(createHttpsServer(identity, listener))}/`,
    serveRaw: async (onConnection) => `http://127.0.0.1:${await listen(createServer(onConnection))}/`,
    close() {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
