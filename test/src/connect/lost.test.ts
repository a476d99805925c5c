import { expect } from "chai";
import type { OpenConnectOptions } from "../../../src/connect/openConnect.ts";
import { ANSWER_HEADERS } from "../../../src/connect/toResponse.ts";
import type { ApiErrorBody } from "../../../src/protocol/apiError.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };
const OPTIONS: Partial<OpenConnectOptions> = {
  ...{ budget: parseOpg("10"), deposit: parseOpg("0.5") },
  intervals: { resolveMs: 1_000_000, forgottenAfterSeconds: 0 },
};
/** A tenth of the budget. */
const BOUND = parseOpg("1");

describe("calls that got lost", function () {
  this.timeout(120_000);
  let stage: ConnectStage;
  let thief: FakeGateway;
  let honest: FakeGateway;

  before(async () => {
    stage = await startConnectStage(2);
    thief = await stage.gateway(0, { quote: { request: parseOpg("0.1"), input: 0n, output: 0n } });
    honest = await stage.gateway(1, { quote: { request: parseOpg("0.15"), input: 0n, output: 0n } });
  });
  after(() => stage.end());
  beforeEach(() => {
    thief.reset();
    honest.reset();
  });

  const codeOf = async (response: Response) => ((await response.json()) as ApiErrorBody).error.code;

  it("are promised an operator up to a bound; then it is left alone until it says how they ended, in the next life too", async () => {
    const dataDir = await stage.folder();
    const first = await stage.connect([thief, honest], { ...OPTIONS, dataDir });
    thief.fault = "drops";
    const codes: (string | null)[] = [];
    for (let calls = 0; calls < 15; calls++) {
      codes.push(await codeOf(await first.ask(ROUTE, BODY, { operator: thief.operatorId })));
    }
    expect(codes.slice(-5)).to.deep.equal(Array.from({ length: 5 }, () => "unresolved_calls"));
    expect(thief.promised).to.equal(BOUND);
    expect((await first.balance()).held).to.equal(BOUND);
    expect(await first.resolve()).to.equal(10);
    const elsewhere = await first.ask(ROUTE, BODY);
    expect(elsewhere.headers.get(ANSWER_HEADERS.operator)).to.equal(String(honest.operatorId));
    await first.close();

    const second = await stage.connect([thief, honest], { ...OPTIONS, dataDir });
    expect(await codeOf(await second.ask(ROUTE, BODY, { operator: thief.operatorId }))).to.equal("unresolved_calls");
    expect(thief.promised).to.equal(BOUND);
    thief.reset(); // knows nothing of them any more
    expect(await second.resolve()).to.equal(0);
    expect((await second.ask(ROUTE, BODY, { operator: thief.operatorId })).status).to.equal(200);
    expect(thief.promised).to.equal(BOUND);
  });

  it("aren't those under way: of them there may be as many as the app likes", async () => {
    const connect = await stage.connect([honest], OPTIONS);
    honest.delayMs = 300;
    const asked = Array.from({ length: 20 }, (_, seed) => connect.ask(ROUTE, { ...BODY, seed }));
    expect((await Promise.all(asked)).map(({ status }) => status)).to.deep.equal(Array.from({ length: 20 }, () => 200));
  });

  it("are three at most where one costs more than the bound", async () => {
    const connect = await stage.connect([thief], { ...OPTIONS, budget: parseOpg("0.8"), deposit: parseOpg("0.1") });
    thief.fault = "drops";
    for (let calls = 0; calls < 5; calls++) await connect.ask(ROUTE, BODY);
    expect(thief.calls).to.equal(3);
    expect(thief.promised).to.equal(parseOpg("0.3"));
  });
});
