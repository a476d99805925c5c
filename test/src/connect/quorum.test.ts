import { expect } from "chai";
import type { Connect } from "../../../src/connect/openConnect.ts";
import { ANSWER_HEADERS } from "../../../src/connect/toResponse.ts";
import type { ApiErrorBody } from "../../../src/protocol/apiError.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/inference";
const BODY = { model: "fake/echo", input: "AAAA" };

describe("a quorum", function () {
  this.timeout(60_000);
  let stage: ConnectStage;
  let gateways: FakeGateway[];
  let connect: Connect;
  let chances: number[] = [];

  before(async () => {
    stage = await startConnectStage(4);
    gateways = [];
    for (let index = 0; index < 4; index++) {
      const quote = { request: BigInt(1_000 + index), input: 1n, output: 1n };
      gateways.push(await stage.gateway(index, { quote, bitExact: true }));
    }
    // By even chances the cheapest sit.
    connect = await stage.connect(gateways, { random: () => chances.shift() ?? 0.5 });
  });
  after(() => stage.end());
  beforeEach(async () => {
    for (const gateway of gateways) {
      gateway.reset();
      await connect.forgive(gateway.operatorId);
    }
  });

  const [first, second, third, fourth] = [0, 1, 2, 3].map((index) => () => gateways[index] as FakeGateway);
  const codeOf = async (response: Response) => ((await response.json()) as ApiErrorBody).error.code;
  const calls = () => gateways.map((gateway) => gateway.calls);

  it("of three that agree gives their answer, and pays all of them", async () => {
    const response = await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect(response.headers.get(ANSWER_HEADERS.verified)).to.equal("quorum=3");
    expect(response.headers.get(ANSWER_HEADERS.price)).to.equal(String(3_003n + 3n * 12n));
    expect(response.headers.get(ANSWER_HEADERS.receiptId)?.split(", ")).to.have.length(3);
    expect(await response.text()).to.include("echo");
    expect(calls()).to.deep.equal([1, 1, 1, 0]);
  });

  it("outvotes one whose answer is wrong and has a true receipt", async () => {
    (first as () => FakeGateway)().fault = "other-answer";
    const response = await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect(await response.text()).not.to.include("?");
    expect(response.headers.get(ANSWER_HEADERS.operator)?.split(", ")).not.to.include(String(first?.().operatorId));
  });

  it("takes the next operator in place of one that fails", async () => {
    (second as () => FakeGateway)().fault = "status-500";
    const response = await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect(response.status).to.equal(200);
    expect(response.headers.get(ANSWER_HEADERS.attempts)).to.equal("4");
    expect(calls()).to.deep.equal([1, 1, 1, 1]);
  });

  it("is none when too few answer", async () => {
    for (const gateway of [first, second, third]) (gateway as () => FakeGateway)().fault = "status-500";
    const response = await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect([response.status, await codeOf(response)]).to.deep.equal([502, "no_quorum"]);
    expect(fourth?.().calls).to.equal(1);
  });

  it("can't be had with fewer operators, in a stream, or of a model that isn't the same to the byte", async () => {
    expect(await codeOf(await connect.ask(ROUTE, BODY, { quorum: 5 }))).to.equal("no_quorum");
    expect(await codeOf(await connect.ask(ROUTE, { ...BODY, stream: true }, { quorum: 3 }))).to.equal(
      "quorum_without_stream",
    );
    const inexact = await stage.gateway(0, { bitExact: false });
    const other = await stage.connect([inexact]);
    expect(await codeOf(await other.ask(ROUTE, BODY, { quorum: 3 }))).to.equal("quorum_not_bit_exact");
    expect(inexact.calls).to.equal(0);
  });

  it("passes on what most of its operators find wrong with the request, and asks no more of them", async () => {
    for (const gateway of gateways) gateway.fault = "status-400";
    const response = await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect(response.status).to.equal(400);
    expect(calls()).to.deep.equal([1, 1, 1, 0]);
  });

  it("takes the next operator in place of one that finds the request wrong alone, which has failed then", async () => {
    (first as () => FakeGateway)().fault = "status-400";
    const response = await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect(response.headers.get(ANSWER_HEADERS.verified)).to.equal("quorum=3");
    expect(response.headers.get(ANSWER_HEADERS.receiptId)?.split(", ")).to.have.length(3);
    expect(calls()).to.deep.equal([1, 1, 1, 1]);
    await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect(calls()).to.deep.equal([1, 2, 2, 2]);
  });

  it("is drawn anew each time, and not from the cheapest", async () => {
    chances = [0.1, 0.9, 0.9, 0.9];
    await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect(calls()).to.deep.equal([0, 1, 1, 1]);
    chances = [0.9, 0.1, 0.9, 0.9];
    await connect.ask(ROUTE, BODY, { quorum: 3 });
    expect(calls()).to.deep.equal([1, 1, 2, 2]);
  });
});
