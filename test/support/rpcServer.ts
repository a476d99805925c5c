import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { Provider } from "../../src/chain/clients.ts";

export type RpcServer = { url: string; stop(): Promise<void> };

type RpcRequest = { id: number } & Parameters<Provider["request"]>[0];

/** A chain in this process as JSON-RPC over HTTP, on a free port of the loopback; batches are answered too. */
export async function serveRpc(provider: Provider): Promise<RpcServer> {
  const answer = async ({ id, ...request }: RpcRequest) => {
    try {
      return { jsonrpc: "2.0", id, result: await provider.request(request) };
    } catch (error) {
      const { code = -32603, message, data } = error as { code?: number; message: string; data?: unknown };
      return { jsonrpc: "2.0", id, error: { code, message, data } };
    }
  };
  const reply = async (request: IncomingMessage, response: ServerResponse) => {
    const asked = (await json(request)) as RpcRequest | RpcRequest[];
    const answers = Array.isArray(asked) ? await Promise.all(asked.map(answer)) : await answer(asked);
    response.setHeader("content-type", "application/json").end(JSON.stringify(answers));
  };
  const server = createServer((request, response) => {
    reply(request, response).catch((error: Error) => response.destroy(error));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
