import { expect } from "chai";
import type { StepName } from "../../../src/connect/steps.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };
const STOPS: StepName[] = ["recorded", "sent", "partChecked", "receiptChecked", "receiptStored", "answered"];

describe("a local end that ends in the middle of a call", function () {
  this.timeout(120_000);
  let stage: ConnectStage;
  let gateway: FakeGateway;

  before(async () => {
    stage = await startConnectStage(1);
    gateway = await stage.gateway(0);
  });
  after(() => stage.end());

  for (const stop of STOPS) {
    it(`pays what is owed and nothing else in its next life: ${stop}`, async () => {
      const dataDir = await stage.folder();
      const before = await gateway.owed();
      const leaving = new AbortController();
      let isOver = false;
      const first = await stage.connect([gateway], {
        dataDir,
        // From here on this life does nothing more of its own.
        onStep: (step) => (step === stop || isOver ? end() : undefined),
        intervals: { resolveMs: 1_000_000 },
      });
      function end(): Promise<void> {
        isOver = true;
        leaving.abort(new Error("killed here"));
        return Promise.reject(leaving.signal.reason);
      }
      const asked = first.ask(ROUTE, { ...BODY, stream: true }, { signal: leaving.signal }).then((it) => it.text());
      expect(await asked.catch((error: Error) => error.message)).to.equal("killed here");
      await first.close().catch(() => {});

      const second = await stage.connect([gateway], { dataDir, intervals: { forgottenAfterSeconds: 0 } });
      for (let tries = 0; tries < 100 && (await second.resolve()) > 0; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const balance = await second.balance();
      expect(balance.uncertain).to.equal(0n);
      expect(balance.owed).to.equal((await gateway.owed()) - before);
      const again = await second.ask(ROUTE, BODY);
      expect(again.status).to.equal(200);
      expect((await second.balance()).owed).to.equal((await gateway.owed()) - before);
    });
  }

  it("waits with a call that the gateway is still about", async () => {
    const dataDir = await stage.folder();
    gateway.fault = "never-answers";
    const first = await stage.connect([gateway], { dataDir, intervals: { resolveMs: 1_000_000 } });
    const asked = first.ask(ROUTE, BODY).catch(() => {}); // it ends with this life
    for (let tries = 0; tries < 100 && (await first.balance()).uncertain === 0n; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await first.resolve()).to.equal(0); // it is this life's own
    await first.close().catch(() => {});
    await asked;
    gateway.reset();
    const second = await stage.connect([gateway], { dataDir, intervals: { forgottenAfterSeconds: 10_000 } });
    expect(await second.resolve()).to.equal(1);
    const response = await second.ask(ROUTE, BODY);
    expect(response.status).to.equal(200);
  });
});
