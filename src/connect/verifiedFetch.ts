import { type ConnectForApps, createConnectApp } from "./server.ts";

const PATH = /\/v1\/[^?#]*$/;

/**
 * A `fetch` whose every answer was paid for and checked before it is handed on: for the `fetch` option of OpenAI's client. The
 * path after `/v1` decides what is asked; the host of the URL doesn't matter.
 */
export function createVerifiedFetch(connect: ConnectForApps): typeof globalThis.fetch {
  const app = createConnectApp(connect);
  return async (input, init) => {
    const request = new Request(input, init);
    const path = PATH.exec(new URL(request.url).pathname)?.[0] ?? "/";
    const { method, headers, signal } = request;
    signal.throwIfAborted();
    const body = method === "GET" || method === "HEAD" ? undefined : await request.arrayBuffer();
    const response = await app.fetch(
      new Request(`http://localhost${path}`, { method, headers, signal, ...(body && { body }) }),
    );
    signal.throwIfAborted();
    return response;
  };
}
