import { getEventListeners } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect } from "chai";
import { createGatewayHttp } from "../../../src/connect/gatewayHttp.ts";
import { endsWithin, writeEndlessly } from "../../support/bounds.ts";
import { createLoopback } from "../../support/loopback.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const TIMEOUT_MS = 300;

describe("what a gateway answers", () => {
  const loopback = createLoopback();
  const http = createGatewayHttp({ allowPrivate: true, timeoutMs: TIMEOUT_MS });
  after(() => {
    http.close();
    loopback.close();
  });

  const answering = (answer: (socket: Socket) => void) =>
    loopback.serveRaw((socket) => void socket.once("data", () => answer(socket)));
  const ask = (url: string, signal = new AbortController().signal) => http.request(url, { method: "GET", signal });

  const DRIPS = (socket: Socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
    const timer = setInterval(() => socket.write("x"), 20);
    socket.on("close", () => clearInterval(timer));
  };

  /** What each sends instead of an answer. */
  const NO_ANSWERS: Record<string, (socket: Socket) => void> = {
    nothing: () => {},
    "another protocol": (socket) =>
      void socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
    "100 Continue, without end": (socket) => writeEndlessly(socket, "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)),
    "103 Early Hints, one after another": (socket) => {
      const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
    },
    "an end": (socket) => void socket.end(),
  };
  for (const [what, answer] of Object.entries(NO_ANSWERS)) {
    it(`is waited for no longer than allowed when it is ${what}`, async () => {
      const url = await answering(answer);
      await endsWithin(TIMEOUT_MS, () => expectProtocolError("fetch/unreachable", () => ask(url)));
    });

    it(`is waited for no longer than its caller waits when it is ${what}`, async () => {
      const url = await answering(answer);
      const patient = createGatewayHttp({ allowPrivate: true, timeoutMs: 60_000 });
      const signal = AbortSignal.timeout(100);
      const failure = await endsWithin(100, () =>
        patient.request(url, { method: "GET", signal }).catch((error: unknown) => error),
      );
      patient.close();
      expect(failure).to.be.instanceOf(Error);
    });
  }

  it("is waited for no longer than allowed while its name is being looked up", async () => {
    const resolving = createGatewayHttp({ allowPrivate: false, timeoutMs: TIMEOUT_MS }, () => new Promise(() => {}));
    const { signal } = new AbortController();
    await endsWithin(TIMEOUT_MS, () =>
      expectProtocolError("fetch/unreachable", () =>
        resolving.request("http://gateway.example/", { method: "GET", signal }),
      ),
    );
  });

  for (const url of ["http://gateway.example/", "http://127.0.0.1/", "http://[::1]/"]) {
    it(`is never asked for at a private address, such as ${url} leads to`, async () => {
      const guarded = createGatewayHttp({ allowPrivate: false, timeoutMs: TIMEOUT_MS }, () =>
        Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      );
      const { signal } = new AbortController();
      await expectProtocolError("fetch/refused-address", () => guarded.request(url, { method: "GET", signal }));
    });
  }

  it("is asked for once more when a kept connection ends just as it is used again", async () => {
    let connections = 0;
    const url = await loopback.serveRaw((socket) => {
      const isFirst = ++connections === 1;
      let requests = 0;
      socket.on("data", () => {
        if (isFirst && ++requests === 2) return socket.resetAndDestroy();
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
      });
    });
    for (let calls = 0; calls < 3; calls++) {
      expect(new TextDecoder().decode(await (await ask(url)).readAll(10))).to.equal("{}");
    }
    expect(connections).to.be.at.least(2);
  });

  it("isn't asked for again once its head has come, whatever becomes of the rest", async () => {
    let requests = 0;
    const url = await loopback.serveRaw((socket) => {
      socket.on("data", () => {
        if (++requests === 1) return socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nabc");
        setTimeout(() => socket.resetAndDestroy(), 20);
      });
    });
    await (await ask(url)).readAll(10);
    const broken = await ask(url);
    await expectProtocolError("fetch/unreachable", () => broken.readAll(1_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(requests).to.equal(2);
  });

  it("that got lost with a kept connection is what is told of, when there is nobody to ask again", async () => {
    let requests = 0;
    const server = createServer((socket) => {
      socket.on("data", () => {
        if (++requests === 1) return socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        server.close();
        socket.resetAndDestroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await (await ask(url)).readAll(10);
    const error = await expectProtocolError("fetch/unreachable", () => ask(url));
    expect(error.cause).to.have.property("code", "ECONNRESET");
  });

  it("says whether it was asked for twice", async () => {
    let requests = 0;
    const url = await loopback.serveRaw((socket) => {
      socket.on("data", () => {
        if (++requests === 2) return socket.resetAndDestroy();
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
      });
    });
    const first = await ask(url);
    await first.readAll(10);
    expect([first.wasSentTwice, (await ask(url)).wasSentTwice]).to.deep.equal([false, true]);
  });

  it("leaves nothing behind on the signal of who asks", async () => {
    const url = await answering((socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
    const { signal } = new AbortController();
    await (await ask(url, signal)).readAll(10);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(getEventListeners(signal, "abort")).to.have.lengthOf(0);
  });

  it("is read as a whole no longer than allowed, however steadily it drips", async () => {
    const answer = await ask(await answering(DRIPS));
    await endsWithin(TIMEOUT_MS, () => expectProtocolError("fetch/unreachable", () => answer.readAll(200_000)));
  });

  it("is given after interim answers, with its body", async () => {
    const url = await answering(
      (socket) => void socket.write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
    );
    const answer = await ask(url);
    expect(answer.status).to.equal(200);
    expect(new TextDecoder().decode(await answer.readAll(10))).to.equal("{}");
  });

  it("is never taken for whole when whoever waits for it has left", async () => {
    const url = await answering((socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
    const leaving = new AbortController();
    const answer = await http.request(url, { method: "GET", signal: leaving.signal });
    const reading = answer.readAll(10).catch((error: unknown) => error);
    leaving.abort(new Error("left"));
    expect(await reading).to.have.property("message", "left");
  });
});
