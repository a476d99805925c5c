import { expect } from "chai";
import { channelOf } from "../../../src/chain/channels.ts";
import type { Connect } from "../../../src/connect/openConnect.ts";
import { ANSWER_HEADERS } from "../../../src/connect/toResponse.ts";
import type { ApiErrorBody } from "../../../src/protocol/apiError.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };
const EXIT_SECONDS = 20; // of deploy/parameters/local.json

describe("channels of the local end", function () {
  this.timeout(60_000);
  let stage: ConnectStage;
  let gateway: FakeGateway;
  let other: FakeGateway;

  before(async () => {
    stage = await startConnectStage(2);
    gateway = await stage.gateway(0, { quote: { request: 1_000n, input: 1n, output: 10n } });
    other = await stage.gateway(1, { quote: { request: 2_000n, input: 1n, output: 30n } });
  });
  after(() => stage.end());
  beforeEach(() => gateway.reset());

  const statusOf = ({ voucherKey }: Connect, { operatorId }: FakeGateway = gateway) =>
    channelOf(stage.payer, { payer: stage.payer.account.address, operatorId, voucherKey });
  const codeOf = async (response: Response) => ((await response.json()) as ApiErrorBody).error.code;

  it("pay fifty calls at a time, and are owed for each to the unit", async () => {
    // Too little for all at once: it is topped up while they are under way.
    const connect = await stage.connect([gateway], { deposit: 100_000n, budget: 10n ** 12n });
    gateway.delayMs = 30;
    const before = await gateway.owed();
    const asked = Array.from({ length: 50 }, (_, index) =>
      connect.ask(ROUTE, { ...BODY, ...(index % 3 === 0 && { stream: true }), seed: index }).then(async (response) => {
        expect(await response.text()).to.include("hello");
        return response.headers.get(ANSWER_HEADERS.verified);
      }),
    );
    const verified = await Promise.all(asked);
    expect(verified.filter((it) => it === "parts")).to.have.length(17);
    expect(verified.filter((it) => it === "receipt")).to.have.length(33);
    const { owed, uncertain } = await connect.balance();
    expect(uncertain).to.equal(0n);
    expect(owed).to.equal((await gateway.owed()) - before);
    expect((await statusOf(connect)).deposited >= owed).to.equal(true);
    await connect.settle();
    expect(gateway.exactVouchers.at(-1)).to.equal(owed);
  });

  it("take no more than the budget in all, and say what to do then", async () => {
    const connect = await stage.connect([gateway], { deposit: 20_000n, budget: 30_000n });
    const statuses: number[] = [];
    let last: Response | undefined;
    for (let call = 0; call < 40 && (last === undefined || last.ok); call++) {
      last = await connect.ask(ROUTE, BODY);
      statuses.push(last.status);
    }
    expect(last?.status).to.equal(402);
    expect(await codeOf(last as Response)).to.equal("budget_exhausted");
    expect(statuses.length).to.be.greaterThan(5);
    expect((await statusOf(connect)).deposited).to.equal(30_000n);
  });

  it("go to another operator that still has room when one's channel can't be opened", async () => {
    const connect = await stage.connect([gateway, other], { deposit: 60_000n, budget: 60_000n });
    const first = await connect.ask(ROUTE, BODY, { operator: other.operatorId });
    expect(first.status).to.equal(200);
    // The cheaper one's channel would need more budget.
    const second = await connect.ask(ROUTE, BODY);
    expect(second.headers.get(ANSWER_HEADERS.operator)).to.equal(String(other.operatorId));
    expect(second.headers.get(ANSWER_HEADERS.attempts)).to.equal("2");
  });

  it("are left and closed, and what wasn't claimed comes back", async () => {
    const connect = await stage.connect([gateway], { deposit: parseOpg("1"), budget: parseOpg("1") });
    await (await connect.ask(ROUTE, BODY)).text();
    expect(await connect.closeChannels()).to.have.length(1);
    expect((await statusOf(connect)).exitsAt).to.be.greaterThan(0);
    expect(await codeOf(await connect.ask(ROUTE, BODY))).to.equal("channel_exiting");
    await stage.network.elapse(EXIT_SECONDS);
    expect(await connect.closeChannels()).to.deep.equal([]);
    expect((await statusOf(connect)).deposited).to.equal(0n);
    const again = await connect.ask(ROUTE, BODY);
    expect(again.status).to.equal(200);
    expect((await statusOf(connect)).opening).to.equal(2);
  });

  it("send an exact voucher when they have been idle for a moment", async () => {
    const connect = await stage.connect([gateway], { intervals: { idleMs: 50 } });
    await (await connect.ask(ROUTE, BODY)).text();
    const { owed } = await connect.balance();
    for (let tries = 0; tries < 100 && gateway.exactVouchers.at(-1) !== owed; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(gateway.exactVouchers.at(-1)).to.equal(owed);
  });
});
