import { execFile } from "node:child_process";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { expect } from "chai";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { endsWithin } from "../../support/bounds.ts";
import { createLoopback } from "../../support/loopback.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const BODY = Uint8Array.of(1, 2, 3, 4, 5);
const LIMIT = { maxBytes: 64 };
const MIB = 1 << 20;

describe("fetching a URI", () => {
  const loopback = createLoopback();
  after(() => loopback.close());
  const fetchLocal = createFetchUri({ allowPrivate: true });

  it("gives what is served, and asks without saying more than it must", async () => {
    let headers: IncomingHttpHeaders = {};
    const uri = await loopback.serve((request, response) => {
      headers = request.headers;
      response.end(BODY);
    });
    expect(await fetchLocal(`${uri}input?x=1`, LIMIT)).to.deep.equal(BODY);
    expect(headers).to.deep.equal({ host: new URL(uri).host, "accept-encoding": "identity", connection: "close" });
  });

  it("takes a body of exactly the limit, an empty one, and one larger than the first buffer", async () => {
    const uri = await loopback.serve(({ url }, response) =>
      response.end(new Uint8Array(Number(url?.slice(1))).fill(7)),
    );
    expect(await fetchLocal(`${uri}64`, LIMIT)).to.deep.equal(new Uint8Array(64).fill(7));
    expect(await fetchLocal(`${uri}0`, LIMIT)).to.have.lengthOf(0);
    const large = await fetchLocal(`${uri}${MIB}`, { maxBytes: 2 * MIB });
    expect(large.buffer.byteLength).to.equal(MIB);
    expect(large.every((byte) => byte === 7)).to.equal(true);
  });

  it("uses no proxy of the environment", async () => {
    const uri = await loopback.serve((_, response) => response.end(BODY));
    const source = `
      import { createFetchUri } from "./src/fetch/fetchUri.ts";
      const fetchUri = createFetchUri({ allowPrivate: true });
      console.log((await fetchUri(${JSON.stringify(uri)}, { maxBytes: 64 })).length);`;
    const proxy = "http://127.0.0.1:9";
    const env = {
      ...process.env,
      NODE_USE_ENV_PROXY: "1",
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      NO_PROXY: "",
      no_proxy: "",
    };
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", source], { env });
    expect(stdout).to.equal("5\n");
  });

  it("refuses what isn't an absolute http or https URI, or names a user", async () => {
    const uris = [
      "",
      "model.onnx",
      "//host/x",
      "ftp://host/x",
      "data:,x",
      "ipfs://bafy/x",
      "gopher://127.0.0.1:6379/_x",
    ];
    const users = ["https://user@example.org/", "https://user:secret@example.org/", "http://:secret@example.org/"];
    for (const uri of [...uris, ...users, "https://", "http://[fe80::1%25eth0]/", "http://1.2.3.4.5/"]) {
      const { message } = await expectProtocolError("fetch/unsupported-uri", () => fetchLocal(uri, LIMIT));
      expect(message).not.to.include("secret");
    }
  });

  it("keeps messages to one short line without queries and control characters", async () => {
    const uri = await loopback.serve((_, response) => response.writeHead(404).end());
    const long = await expectProtocolError("fetch/bad-status", () =>
      fetchLocal(`${uri}${"x".repeat(8_000)}?token=secret`, LIMIT),
    );
    expect(long.message).to.have.length.below(400).and.not.include("secret");
    const steering = await expectProtocolError("fetch/unsupported-uri", () =>
      fetchLocal("no\u001b[2J\u202euri\u2028x", LIMIT),
    );
    expect(steering.message).to.include('"no?[2J?uri?x"');
  });

  it("says which failures may pass", async () => {
    const uri = await loopback.serve(({ url }, response) => response.writeHead(Number(url?.slice(1))).end());
    for (const status of [408, 425, 429, 500, 503]) {
      const { isRetryable } = await expectProtocolError("fetch/unreachable", () =>
        fetchLocal(`${uri}${status}`, LIMIT),
      );
      expect(isRetryable).to.equal(true);
    }
    for (const status of [201, 204, 206, 304, 302, 401, 404, 410]) {
      const { isRetryable } = await expectProtocolError("fetch/bad-status", () => fetchLocal(`${uri}${status}`, LIMIT));
      expect(isRetryable).to.equal(false);
    }
    const refused = await expectProtocolError("fetch/unreachable", () => fetchLocal("http://127.0.0.1:9/", LIMIT));
    expect(refused.isRetryable).to.equal(true);
    expect(refused.message).to.include("ECONNREFUSED");
  });

  it("follows three redirects of any kind, and no fourth", async () => {
    const kinds = [301, 302, 303, 307, 308];
    const uri = await loopback.serve(({ url }, response) => {
      const [left = 0, kind = 302] = (url ?? "").slice(1).split("/").map(Number);
      if (left === 0) return response.end(BODY);
      return response.writeHead(kind, { location: `../${left - 1}/${kind}` }).end("moved");
    });
    for (const kind of kinds) expect(await fetchLocal(`${uri}3/${kind}`, LIMIT)).to.deep.equal(BODY);
    await expectProtocolError("fetch/too-many-redirects", () => fetchLocal(`${uri}4/302`, LIMIT));
  });

  it("ends redirects that go in circles, and refuses those to something else than the web", async () => {
    let requests = 0;
    const circle = await loopback.serve((_, response) => {
      requests += 1;
      response.writeHead(302, { location: "/" }).end();
    });
    await expectProtocolError("fetch/too-many-redirects", () => fetchLocal(circle, LIMIT));
    expect(requests).to.equal(4);
    for (const location of ["file:///etc/passwd", "data:,x", "http://user@127.0.0.1/", "http://["]) {
      const uri = await loopback.serve((_, response) => response.writeHead(302, { location }).end());
      await expectProtocolError("fetch/unsupported-uri", () => fetchLocal(uri, LIMIT));
    }
  });

  it("ends at once with the caller's own reason, under way or not yet begun", async () => {
    const uri = await loopback.serve(() => {});
    const stopping = new AbortController();
    const reason = new Error("enough");
    setTimeout(() => stopping.abort(reason), 20);
    for (let times = 0; times < 2; times++) {
      const fetched = endsWithin(100, () => fetchLocal(uri, { ...LIMIT, signal: stopping.signal }));
      expect(await fetched.catch((error: unknown) => error)).to.equal(reason);
    }
  });

  it("has at most so many fetches under way, and answers all of a hundred", async () => {
    let now = 0;
    let most = 0;
    const uri = await loopback.serve((_, response) => {
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => response.end(BODY), 10);
      response.on("close", () => {
        now -= 1;
      });
    });
    const fetched = await Promise.all(Array.from({ length: 100 }, () => fetchLocal(uri, LIMIT)));
    for (const bytes of fetched) expect(bytes).to.deep.equal(BODY);
    expect(most).to.equal(4);
  });

  it("has all its time once its turn has come, however long others stalled before it", async () => {
    const stalling = await loopback.serve(() => {});
    const honest = await loopback.serve((_, response) => void setTimeout(() => response.end(BODY), 100));
    const fetchOne = createFetchUri({ allowPrivate: true, maxParallel: 1, timeoutMs: 200 });
    const stalled = Array.from({ length: 3 }, () =>
      expectProtocolError("fetch/unreachable", () => fetchOne(stalling, LIMIT)),
    );
    expect(await fetchOne(honest, LIMIT)).to.deep.equal(BODY);
    await Promise.all(stalled);
  });

  it("refuses more than may wait, lets those that wait give up, and goes on with the rest", async () => {
    const held: ServerResponse[] = [];
    const uri = await loopback.serve((_, response) => held.push(response));
    const fetchOne = createFetchUri({ allowPrivate: true, maxParallel: 1, timeoutMs: 2_000 });
    const stopping = new AbortController();
    const first = fetchOne(uri, LIMIT);
    const impatient = Array.from({ length: 256 }, () => fetchOne(uri, { ...LIMIT, signal: stopping.signal }));
    const { isRetryable } = await expectProtocolError("fetch/busy", () => fetchOne(uri, LIMIT));
    expect(isRetryable).to.equal(true);
    stopping.abort(new Error("enough"));
    expect((await Promise.allSettled(impatient)).every(({ status }) => status === "rejected")).to.equal(true);
    const next = fetchOne(uri, LIMIT);
    while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    held.shift()?.end(BODY);
    expect(await first).to.deep.equal(BODY);
    while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    held.shift()?.end(BODY);
    expect(await next).to.deep.equal(BODY);
  });
});
