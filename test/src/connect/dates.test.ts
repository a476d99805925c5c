import { expect } from "chai";
import { chainTime } from "../../../src/chain/clients.ts";
import { CLOCK_MARGIN_SECONDS } from "../../../src/chain/receiptLog.ts";
import { ANSWER_HEADERS } from "../../../src/connect/toResponse.ts";
import { rotateSigner } from "../../../src/sdk/rotateSigner.ts";
import { signConsent } from "../../../src/sdk/signConsent.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };
const STREAM = { ...BODY, stream: true };

describe("a receipt's date, at the local end", function () {
  this.timeout(60_000);
  let stage: ConnectStage;
  let gateway: FakeGateway;

  before(async () => {
    stage = await startConnectStage(1);
    await stage.network.elapse(4 * CLOCK_MARGIN_SECONDS); // the operator has its key for so long
    gateway = await stage.gateway(0);
  });
  after(() => stage.end());
  beforeEach(() => gateway.reset());

  for (const [name, seconds] of [
    ["before the call", -2 * CLOCK_MARGIN_SECONDS],
    ["ahead of the chain", 2 * CLOCK_MARGIN_SECONDS],
  ] as const) {
    it(`is refused ${name}, asked for late too, and nothing is owed for it`, async () => {
      const connect = await stage.connect([gateway]);
      gateway.issuedAt = (await chainTime(stage.payer)) + seconds;
      gateway.fault = "cut-body"; // the receipt is asked for later
      expect((await connect.ask(ROUTE, BODY)).status).to.equal(502);
      expect(await connect.resolve()).to.equal(1);
      const { owed, uncertain } = await connect.balance();
      expect(owed).to.equal(0n);
      expect(uncertain > 0n).to.equal(true);
    });
  }

  it("of an answer that got lost may be as old as its call", async () => {
    const connect = await stage.connect([gateway], { intervals: { resolveMs: 1_000_000 } });
    gateway.fault = "cut-body";
    expect((await connect.ask(ROUTE, BODY)).status).to.equal(502);
    await stage.network.elapse(2 * CLOCK_MARGIN_SECONDS);
    expect(await connect.resolve()).to.equal(0);
    expect((await connect.balance()).uncertain).to.equal(0n);
  });

  it("decides whose signature counts: today's key can't sign for the time before it", async () => {
    const { chain } = stage.operators[0] as ConnectStage["operators"][number];
    const earlier = await chainTime(chain);
    await stage.network.elapse(5);
    const connect = await stage.connect([gateway]);
    expect((await connect.ask(ROUTE, STREAM)).headers.get(ANSWER_HEADERS.verified)).to.equal("parts");

    const next = stage.network.account(12);
    await rotateSigner(chain, { signer: next.address, consent: await signConsent(next, chain, chain.account.address) });
    await stage.network.elapse(1);
    const rotated = await stage.gateway(0, { chain: { ...chain, account: next } as never });
    const later = await stage.connect([rotated]);
    expect((await later.ask(ROUTE, BODY)).status).to.equal(200);
    rotated.issuedAt = earlier;
    const { owed } = await later.balance();
    expect((await later.ask(ROUTE, BODY)).status).to.equal(502);
    expect((await later.balance()).owed).to.equal(owed);
    rotated.issuedAt = undefined;
    expect((await later.ask(ROUTE, BODY)).status).to.equal(200);
  });
});
