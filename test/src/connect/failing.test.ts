import { expect } from "chai";
import type { Connect } from "../../../src/connect/openConnect.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import type { FakeGateway, Fault } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };

describe("three operators that ask nothing and never answer", function () {
  this.timeout(60_000);
  let stage: ConnectStage;
  let bad: FakeGateway[];
  let good: FakeGateway;
  let connect: Connect;

  before(async () => {
    stage = await startConnectStage(4);
    const quote = { request: 0n, input: 0n, output: 0n };
    bad = [await stage.gateway(0, { quote }), await stage.gateway(1, { quote }), await stage.gateway(2, { quote })];
    good = await stage.gateway(3, { quote: { ...quote, request: parseOpg("0.01") } });
    connect = await stage.connect([...bad, good], { intervals: { timeoutMs: 200 } });
  });
  after(() => stage.end());

  async function statusesOf(fault: Fault): Promise<number[]> {
    for (const gateway of [...bad, good]) {
      gateway.reset();
      await connect.forgive(gateway.operatorId);
    }
    for (const gateway of bad) gateway.fault = fault;
    const statuses: number[] = [];
    for (let n = 0; n < 10; n++) statuses.push((await connect.ask(ROUTE, BODY)).status);
    return statuses;
  }

  for (const [fault, failing] of [
    ["status-500", 500],
    ["status-402", 402],
    ["never-answers", 502],
    ["switches-protocols", 502],
  ] as const) {
    it(`keep an app from the one that does for one question, no more: ${fault}`, async () => {
      expect(await statusesOf(fault)).to.deep.equal([failing, ...Array.from({ length: 9 }, () => 200)]);
      expect(good.calls).to.equal(9);
    });
  }
});
