import { Readable } from "node:stream";
import { expect } from "chai";
import { createWire, MAX_ANSWER_BYTES } from "../../../../src/gateway/upstreams/wire.ts";
import { expectApiError } from "../../../support/apiErrors.ts";

const POST = { method: "POST", body: "{}" };
const signal = new AbortController().signal;

/** A wire to somebody who answers so many bytes to everything. */
function wireTo(bytes: number, isStream = false) {
  const send = async () => answerOf(Readable.from([new Uint8Array(bytes)]));
  return createWire({ settings: { timeoutMs: 1_000, send }, signal, isStream });
}

const answerOf = (body: AsyncIterable<Uint8Array>) => ({ status: 200, headers: {}, body });

describe("a call's wire to its upstream", () => {
  it("lets through as many bytes as are allowed, and not one more", async () => {
    const tooLarge = { status: 502, code: "upstream_too_large" };
    for (const isStream of [false, true]) {
      const answer = await wireTo(MAX_ANSWER_BYTES, isStream).fetch("http://upstream.example", POST);
      expect((await answer.arrayBuffer()).byteLength).to.equal(MAX_ANSWER_BYTES);
      await expectApiError(tooLarge, async () => {
        const larger = await wireTo(MAX_ANSWER_BYTES + 1, isStream).fetch("http://upstream.example", POST);
        await larger.arrayBuffer();
      });
    }
  });

  it("counts all that comes over it, when one call takes several requests", async () => {
    const wire = wireTo(MAX_ANSWER_BYTES / 2 + 1);
    await (await wire.fetch("http://upstream.example", POST)).arrayBuffer();
    await expectApiError({ status: 502, code: "upstream_too_large" }, () =>
      wire.fetch("http://upstream.example", POST),
    );
  });

  it("reads no faster than it is read", async () => {
    let pulled = 0;
    async function* body() {
      for (;;) {
        pulled++;
        yield new Uint8Array(1_000);
      }
    }
    const settings = { timeoutMs: 1_000, send: async () => answerOf(body()) };
    const wire = createWire({ settings, signal, isStream: true });
    const answer = await wire.fetch("http://upstream.example", POST);
    const reader = answer.body!.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(pulled).to.be.at.most(2);
    wire.close();
  });

  it("gets nothing but answers to what is sent over it", async () => {
    await expectApiError({ status: 502, code: "upstream_garbage" }, () => wireTo(1).fetch("http://upstream.example"));
    await expectApiError({ status: 502, code: "upstream_garbage" }, () =>
      wireTo(1).fetch(new URL("http://upstream.example"), POST),
    );
  });

  it("is of no use once it is closed", async () => {
    const wire = wireTo(1);
    wire.close();
    await expectApiError({ status: 499, code: "call_aborted" }, () => wire.fetch("http://upstream.example", POST));
  });
});
