import { expect } from "chai";
import { createTurns } from "../../../src/fetch/turns.ts";
import { endsWithin } from "../../support/bounds.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const aTick = () => new Promise((resolve) => setImmediate(resolve));
const never = () => new Promise<never>(() => {});

describe("turns", () => {
  it("are as many at a time as there are, and go on when a work ends, however it ends", async () => {
    const { run } = createTurns(1, 2);
    const { signal } = new AbortController();
    const order: string[] = [];
    const failed = run(() => Promise.reject(new Error("no")), signal).catch(() => order.push("failed"));
    const second = run(async () => order.push("second"), signal);
    const third = run(async () => order.push("third"), signal);
    await expectProtocolError("fetch/busy", () => run(never, signal));
    await Promise.all([failed, second, third]);
    expect(order).to.deep.equal(["failed", "second", "third"]);
  });

  it("end with their signal, whatever the work does", async () => {
    const { run } = createTurns(1, 1);
    const ending = new AbortController();
    void run(never, ending.signal);
    const next = run(async () => "next", new AbortController().signal);
    await aTick();
    ending.abort(new Error("over"));
    expect(await endsWithin(100, () => next)).to.equal("next");
  });

  it("aren't given back twice: by the signal, and by the work that ends after it", async () => {
    const { run } = createTurns(1, 2);
    const ending = new AbortController();
    const work = Promise.withResolvers<void>();
    const first = run(() => work.promise, ending.signal);
    await aTick();
    ending.abort(new Error("over"));
    let isRunning = false;
    const { signal } = new AbortController();
    void run(never, signal);
    void run(async () => {
      isRunning = true;
    }, signal);
    work.resolve();
    await first;
    await aTick();
    expect(isRunning).to.equal(false);
  });
});
