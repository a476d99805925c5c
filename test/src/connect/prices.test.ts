import { expect } from "chai";
import type { Connect } from "../../../src/connect/openConnect.ts";
import { ANSWER_HEADERS } from "../../../src/connect/toResponse.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };
const CHEAP = { request: 1n, input: 1n, output: 1n };

describe("the price of an answer, at the local end", function () {
  this.timeout(60_000);
  let stage: ConnectStage;
  let cheap: FakeGateway;
  let other: FakeGateway;
  let connect: Connect;

  before(async () => {
    stage = await startConnectStage(2);
    cheap = await stage.gateway(0, { quote: CHEAP });
    other = await stage.gateway(1);
    connect = await stage.connect([cheap, other], { intervals: { resolveMs: 1_000_000 } });
  });
  after(() => stage.end());
  beforeEach(async () => {
    cheap.reset();
    await connect.forgive(cheap.operatorId); // or it would rest
  });

  const operatorOf = (response: Response) => response.headers.get(ANSWER_HEADERS.operator);

  it("is taken as raised if its operator lists the higher quote by now", async () => {
    cheap.quote = { request: 100n, input: 1n, output: 1n };
    const response = await connect.ask(ROUTE, BODY);
    expect(operatorOf(response)).to.equal(String(cheap.operatorId));
    expect(response.headers.get(ANSWER_HEADERS.price)).to.equal("112");
    cheap.quote = CHEAP;
  });

  for (const stream of [false, true]) {
    it(`is refused above what the operator's quote comes to: ${stream ? "streamed" : "whole"}`, async () => {
      cheap.fault = "above-quote";
      cheap.partCount = 1;
      const before = (await connect.receipts()).filter(({ receipt }) => receipt.operatorId === cheap.operatorId);
      const response = await connect.ask(ROUTE, { ...BODY, stream });
      expect(operatorOf(response)).to.equal(String(other.operatorId));
      expect(await response.text()).to.include("hello");
      expect(cheap.calls).to.equal(1);
      const open = await connect.resolve(); // nor is its receipt taken that is asked for later
      expect(open).to.equal(stream ? 2 : 1);
      const after = (await connect.receipts()).filter(({ receipt }) => receipt.operatorId === cheap.operatorId);
      expect(after).to.have.length(before.length);
    });
  }

  it("makes no liar of who asked for too much: it is asked again", async () => {
    const response = await connect.ask(ROUTE, BODY, { operator: cheap.operatorId });
    expect(response.status).to.equal(200);
  });
});
