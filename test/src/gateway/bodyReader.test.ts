import { expect } from "chai";
import { createBodyReader } from "../../../src/gateway/bodyReader.ts";
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

describe("reading a request's body", () => {
  it("gives its text, also where a character is cut between two pieces", async () => {
    const bytes = new TextEncoder().encode("añ€");
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect(await createBodyReader({ maxBytes: 100, maxTogether: 100 })(request(body))).to.equal("añ€");
  });

  it("refuses what says that it is too large before it is read, and what is without saying so while it is", async () => {
    const read = createBodyReader({ maxBytes: 10, maxTogether: 1_000 });
    await expectApiError({ status: 413, code: "body_too_large" }, () => read(request("", { "content-length": "11" })));
    const { body, read: bytesRead } = endless();
    await expectApiError({ status: 413, code: "body_too_large" }, () => read(request(body)));
    expect(bytesRead()).to.be.lessThan(10_000);
  });

  it("holds no more than so much of all together, and has room again afterwards", async () => {
    const read = createBodyReader({ maxBytes: 10, maxTogether: 15 });
    let finish = () => {};
    const slow = new ReadableStream({
      start(controller) {
        finish = () => controller.close();
      },
    });
    const first = read(request(slow));
    await expectApiError({ status: 503, code: "overloaded" }, () => read(request("123456", { "content-length": "6" })));
    finish();
    expect(await first).to.equal("");
    expect(await read(request("123456", { "content-length": "6" }))).to.equal("123456");
  });
});
