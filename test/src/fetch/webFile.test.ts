import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { endsWithin, memoryGrowth, writeEndlessly } from "../../support/bounds.ts";
import { createLoopback } from "../../support/loopback.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const LIMIT = { maxBytes: 64 };
const MIB = 1 << 20;
const TIMEOUT_MS = 300;

/** Every head is the client's business; what comes after `GET` is ours. */
function afterRequest(socket: Socket, answer: () => void): void {
  socket.once("data", answer);
}

describe("servers that mean no good", () => {
  const loopback = createLoopback();
  after(() => loopback.close());
  const fetchUri = createFetchUri({ timeoutMs: TIMEOUT_MS, allowPrivate: true });

  async function expectEnd(code: string, uri: string, limit = LIMIT): Promise<void> {
    await endsWithin(TIMEOUT_MS, () => expectProtocolError(code, () => fetchUri(uri, limit)));
  }

  /** Slow ones: what each does once it has been asked. */
  const SLOW: Record<string, RequestListener> = {
    "never answers": () => {},
    "stalls after its headers": (_, response) => response.writeHead(200).flushHeaders(),
    "stalls in the middle of its body": (_, response) =>
      response.writeHead(200, { "content-length": 64 }).write("half"),
    "drips a byte at a time": (_, response) => {
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    },
    "redirects slowly, again and again": (_, response) => {
      setTimeout(() => response.writeHead(302, { location: "/" }).end(), 120);
    },
  };
  for (const [does, listener] of Object.entries(SLOW)) {
    it(`slow: ${does}`, async () => expectEnd("fetch/unreachable", await loopback.serve(listener)));
  }

  /** Liars about HTTP itself: the bytes each sends once it has been asked. */
  const LYING: Record<string, { sends: string; code: string }> = {
    "announces more than it sends": {
      sends: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
      code: "fetch/unreachable",
    },
    "announces two lengths": {
      sends: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nxyz",
      code: "fetch/unreachable",
    },
    "announces a negative length": {
      sends: "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx",
      code: "fetch/unreachable",
    },
    "announces too much": { sends: "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\nx", code: "fetch/too-large" },
    "announces more than numbers hold": {
      sends: `HTTP/1.1 200 OK\r\ncontent-length: ${"9".repeat(18)}\r\n\r\nx`,
      code: "fetch/too-large",
    },
    "ends in the middle of a chunk": {
      sends: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nx",
      code: "fetch/unreachable",
    },
    "ends without an answer": { sends: "", code: "fetch/unreachable" },
    "speaks something else": { sends: "220 mail.test ESMTP\r\n", code: "fetch/unreachable" },
    "switches protocols": {
      sends: "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
      code: "fetch/unreachable",
    },
    "sends headers too long": {
      sends: `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`,
      code: "fetch/unreachable",
    },
  };
  for (const [does, { sends, code }] of Object.entries(LYING)) {
    it(`lying: ${does}`, async () => {
      const uri = await loopback.serveRaw((socket) => afterRequest(socket, () => socket.end(sends)));
      await expectEnd(code, uri);
    });
  }

  it("lying: sends more than it announced, of which no more is read", async () => {
    const sends = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabcdef";
    const uri = await loopback.serveRaw((socket) => afterRequest(socket, () => socket.end(sends)));
    expect(await fetchUri(uri, LIMIT)).to.deep.equal(new TextEncoder().encode("ab"));
  });

  it("a bomb under a content-encoding is refused unopened", async () => {
    const bomb = gzipSync(new Uint8Array(64 * MIB));
    for (const encoding of ["gzip", "GZIP", "br", "identity, gzip", "\u00e9".repeat(100)]) {
      const uri = await loopback.serve((_, response) =>
        response.writeHead(200, { "content-encoding": encoding }).end(bomb),
      );
      const { arrayBuffers } = await memoryGrowth(() => expectEnd("fetch/bad-encoding", uri, { maxBytes: MIB }));
      expect(arrayBuffers).to.be.below(8 * MIB);
    }
  });

  it("a body without end, declared or not, stops at the limit and takes little memory", async () => {
    const declared = await loopback.serve((_, response) => {
      response.writeHead(200, { "content-length": 2 ** 40 });
      writeEndlessly(response, new Uint8Array(MIB));
    });
    const undeclared = await loopback.serve((_, response) => writeEndlessly(response, new Uint8Array(64 * 1024)));
    for (const uri of [declared, undeclared]) {
      const grown = await memoryGrowth(() => expectEnd("fetch/too-large", uri, { maxBytes: 4 * MIB }));
      expect(grown.arrayBuffers).to.be.below(32 * MIB); // with the server's own, and what waits to be collected
      expect(grown.rss).to.be.below(128 * MIB);
    }
  });

  it("a body in chunks of one byte stops at the deadline and takes little memory", async () => {
    const uri = await loopback.serveRaw((socket) =>
      afterRequest(socket, () => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        writeEndlessly(socket, "1\r\nx\r\n".repeat(4_096));
      }),
    );
    const grown = await memoryGrowth(() => expectEnd("fetch/unreachable", uri, { maxBytes: 64 * MIB }));
    expect(grown.arrayBuffers).to.be.below(16 * MIB);
    expect(grown.rss).to.be.below(128 * MIB);
  });

  it("another protocol, on a connection that stays open, is no answer, and leaves the turn to others", async () => {
    const switching = await loopback.serveRaw((socket) =>
      afterRequest(socket, () =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
      ),
    );
    const honest = await loopback.serve((_, response) => response.end("good"));
    const fetchOne = createFetchUri({ timeoutMs: TIMEOUT_MS, allowPrivate: true, maxParallel: 1 });
    for (let times = 0; times < 2; times++)
      await expectProtocolError("fetch/unreachable", () => fetchOne(switching, LIMIT));
    expect(await fetchOne(honest, LIMIT)).to.deep.equal(new TextEncoder().encode("good"));
  });

  it("interim answers without end stop at the deadline", async () => {
    const uri = await loopback.serveRaw((socket) =>
      afterRequest(socket, () => writeEndlessly(socket, "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100))),
    );
    await expectEnd("fetch/unreachable", uri);
  });

  it("a hundred bodies without end at a time are read four at a time, each to its limit", async () => {
    let now = 0;
    let most = 0;
    const uri = await loopback.serve((_, response) => {
      now += 1;
      most = Math.max(most, now);
      response.on("close", () => {
        now -= 1;
      });
      writeEndlessly(response, new Uint8Array(64 * 1024));
    });
    const patient = createFetchUri({ timeoutMs: 20_000, allowPrivate: true });
    const fetchAll = () =>
      Promise.all(
        Array.from({ length: 100 }, () =>
          expectProtocolError("fetch/too-large", () => patient(uri, { maxBytes: MIB })),
        ),
      );
    const grown = await memoryGrowth(() => endsWithin(20_000, fetchAll));
    expect(most).to.be.within(1, 8); // the server hears of an end a little later
    expect(grown.rss).to.be.below(192 * MIB);
  });
});
