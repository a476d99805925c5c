import { Readable } from "node:stream";
import { expect } from "chai";
import { type Hex, numberToHex } from "viem";
import { type BodyLimits, createBodyReader } from "../../../src/gateway/bodyReader.ts";
import { expectApiError } from "../../support/apiErrors.ts";

const request = (body: string | ReadableStream, headers: Record<string, string> = {}) =>
  new Request("http://gateway.example", { method: "POST", body, headers, duplex: "half" } as RequestInit);

/** A body that goes on for ever, and how much of it was read. */
function endless(): { body: ReadableStream; read: () => number } {
  let read = 0;
  const body = new ReadableStream({
    pull(controller) {
      read += 1_000;
      controller.enqueue(new Uint8Array(1_000));
    },
  });
  return { body, read: () => read };
}

const [ONE, OTHER] = [numberToHex(1, { size: 32 }), numberToHex(2, { size: 32 })] as const;

/** What is sent when it is told. */
function slow() {
  const { promise, resolve: send } = Promise.withResolvers<string>();
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode("123456"));
      controller.enqueue(new TextEncoder().encode(await promise));
      controller.close();
    },
  });
  return { body, send };
}

describe("reading a request's body", () => {
  const reader = (limits: Partial<BodyLimits> = {}) => {
    const read = createBodyReader({ maxBytes: 10, maxOfChannel: 1_000, maxTogether: 1_000, maxMs: 5_000, ...limits });
    return (of: Request, channelId: Hex = ONE) => read({ request: of }, channelId, (text) => text());
  };

  it("gives its text, also where a character is cut between two pieces", async () => {
    const bytes = new TextEncoder().encode("añ€");
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect(await reader()(request(body))).to.equal("añ€");
  });

  it("refuses what says that it is too large before it is read, and what is without saying so while it is", async () => {
    const read = reader();
    await expectApiError({ status: 413, code: "body_too_large" }, () => read(request("", { "content-length": "11" })));
    const { body, read: bytesRead } = endless();
    await expectApiError({ status: 413, code: "body_too_large" }, () => read(request(body)));
    expect(bytesRead()).to.be.lessThan(10_000);
  });

  it("counts what has come, not what is announced", async () => {
    const read = reader({ maxTogether: 10, maxOfChannel: 10 });
    const announced = slow();
    const first = read(request(announced.body, { "content-length": "10" }));
    expect(await read(request("1234"), OTHER)).to.equal("1234");
    announced.send("");
    expect(await first).to.equal("123456");
  });

  it("holds no more than so much of all together, and has room again afterwards", async () => {
    const read = reader({ maxTogether: 11 });
    const { body, send } = slow();
    const first = read(request(body));
    await expectApiError({ status: 503, code: "overloaded" }, () => read(request("123456"), OTHER));
    send("");
    expect(await first).to.equal("123456");
    expect(await read(request("123456"), OTHER)).to.equal("123456");
  });

  it("holds no more than so much of one channel, and takes other channels' all the same", async () => {
    const read = reader({ maxOfChannel: 11 });
    const { body, send } = slow();
    const first = read(request(body));
    await expectApiError({ status: 503, code: "overloaded" }, () => read(request("123456")));
    expect(await read(request("123456"), OTHER)).to.equal("123456");
    send("");
    await first;
    expect(await read(request("123456"))).to.equal("123456");
  });

  it("holds it until whoever wants the text is done with it", async () => {
    const read = createBodyReader({ maxBytes: 10, maxOfChannel: 10, maxTogether: 10, maxMs: 5_000 });
    const { promise: parsed, resolve: finish } = Promise.withResolvers<void>();
    const first = read({ request: request("123456") }, ONE, async (text) => {
      await text();
      await parsed;
    });
    await new Promise((done) => setTimeout(done, 10));
    const second = () => read({ request: request("123456") }, ONE, (text) => text());
    await expectApiError({ status: 503, code: "overloaded" }, second);
    finish();
    await first;
    expect(await second()).to.equal("123456");
  });

  it("gives up what comes too slowly", async () => {
    const read = reader({ maxMs: 20, maxTogether: 11 });
    await expectApiError({ status: 408, code: "body_too_slow" }, () => read(request(slow().body)));
    expect(await read(request("123456"))).to.equal("123456");
  });

  describe("from Node's own stream", () => {
    const readNode = (incoming: Readable, limits: Partial<BodyLimits> = {}) => {
      const read = createBodyReader({ maxBytes: 10, maxOfChannel: 1_000, maxTogether: 1_000, maxMs: 5_000, ...limits });
      return read({ request: request(""), incoming }, ONE, (text) => text());
    };

    it("gives its text, also where a character is cut between two pieces", async () => {
      const bytes = [...new TextEncoder().encode("añ€")].map((byte) => Uint8Array.of(byte));
      expect(await readNode(Readable.from(bytes, { objectMode: false }))).to.equal("añ€");
      expect(await readNode(Readable.from([], { objectMode: false }))).to.equal("");
    });

    it("takes no more of it than the limit", async () => {
      let pieces = 0;
      const endless = new Readable({
        read() {
          pieces += 1;
          this.push("1234");
        },
        highWaterMark: 4,
      });
      await expectApiError({ status: 413, code: "body_too_large" }, () => readNode(endless));
      expect(pieces).to.be.lessThan(20);
    });

    it("ends when it comes too slowly, breaks off or was over before", async () => {
      const silent = () => new Readable({ read() {} });
      await expectApiError({ status: 408, code: "body_too_slow" }, () => readNode(silent(), { maxMs: 20 }));
      const broken = silent();
      const reading = readNode(broken);
      broken.destroy(new Error("ECONNRESET"));
      expect(await reading.catch((error: Error) => error.message)).to.equal("ECONNRESET");
      const gone = silent().destroy();
      expect(await readNode(gone).catch((error: Error) => error.message)).to.include("before its body was whole");
    });
  });
});
