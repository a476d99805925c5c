import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createPartBuffer } from "../../../src/gateway/partBuffer.ts";

const LARGE = "x".repeat(300_000);

describe("the buffer between an upstream and a client", () => {
  it("gives all that waits at once, in order, and says when that was all", async () => {
    const buffer = createPartBuffer();
    await buffer.add("one");
    await buffer.add("two");
    expect(await buffer.take()).to.equal("onetwo");
    buffer.end();
    expect(await buffer.take()).to.equal(undefined);
  });

  it("waits for what comes", async () => {
    const buffer = createPartBuffer();
    const taken = buffer.take();
    await buffer.add("late");
    expect(await taken).to.equal("late");
  });

  it("lets the upstream wait while a client is slow, and go on once it has taken", async () => {
    const buffer = createPartBuffer();
    let hasRoom = false;
    const added = buffer.add(LARGE).then(() => {
      hasRoom = true;
    });
    await sleep(20);
    expect(hasRoom).to.equal(false);
    expect(await buffer.take()).to.equal(LARGE);
    await added;
    expect(hasRoom).to.equal(true);
  });

  it("wakes whoever waits when the client goes away", async () => {
    const buffer = createPartBuffer();
    const adding = buffer.add(LARGE).catch((error: unknown) => error);
    const gone = new Error("gone");
    buffer.abandon(gone);
    expect(await adding).to.equal(gone);
    expect(await buffer.add("more").catch((error: unknown) => error)).to.equal(gone);
  });
});
