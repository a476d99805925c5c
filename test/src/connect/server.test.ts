import { request } from "node:http";
import { expect } from "chai";
import { MAX_BODY_BYTES } from "../../../src/connect/exchange.ts";
import { type ConnectForApps, type ConnectServer, serveConnect } from "../../../src/connect/server.ts";

const NOTHING: ConnectForApps = {
  ask: () => Promise.reject(new Error("nobody asks here")),
  models: () => [],
  receipt: () => Promise.resolve(undefined),
  receipts: () => Promise.resolve([]),
};

describe("the app's server", () => {
  let server: ConnectServer;

  /** @returns status and body of a request that says it is to that host */
  function ask(host: string | undefined): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(server.url);
      const options = { host: hostname.replaceAll(/[[\]]/g, ""), port, path: "/v1/models", setHost: false };
      const sent = request({ ...options, headers: host === undefined ? {} : { host } }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      });
      sent.on("error", reject).end();
    });
  }

  afterEach(() => server.close());

  it("answers to this machine's own names alone while it listens there alone", async () => {
    server = await serveConnect(NOTHING, { port: 0 });
    const { host } = new URL(server.url);
    for (const name of [
      host,
      "localhost",
      "localhost:8401",
      "app.localhost:1",
      "127.0.0.1",
      "127.1.2.3:80",
      "[::1]:80",
    ]) {
      expect(await ask(name), name).to.include({ status: 200 });
    }
    for (const name of [
      "evil.example",
      "evil.example:8401",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "10.0.0.1",
      "[",
    ]) {
      const { status, body } = await ask(name);
      expect(status, name).to.equal(name === "[" ? 400 : 403);
      if (name !== "[") expect(JSON.parse(body).error, name).to.include({ code: "foreign_host" });
    }
  });

  it("reads no body over the limit, whether its length is told or not", async () => {
    server = await serveConnect(NOTHING, { port: 0 });
    const url = `${server.url}/v1/chat/completions`;
    const headers = { "content-type": "application/json" };
    const body = new Uint8Array(MAX_BODY_BYTES + 1).fill(0x20);
    const chunked = new Blob([body]).stream();
    const requests: RequestInit[] = [{ body }, { body: chunked, duplex: "half" } as RequestInit];
    for (const request of requests) {
      const response = await fetch(url, { method: "POST", headers, ...request });
      expect(response.status).to.equal(413);
      expect(((await response.json()) as { error: object }).error).to.include({ code: "request_too_large" });
    }
  });

  it("answers to any name when it listens for others too", async () => {
    server = await serveConnect(NOTHING, { port: 0, host: "0.0.0.0" });
    expect(await ask("opg.example")).to.include({ status: 200 });
  });
});
