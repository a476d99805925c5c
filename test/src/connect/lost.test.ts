import { type AddressInfo, connect as connectTo, createServer, type Socket } from "node:net";
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

  for (const meanwhile of ["nobody is there", "it is busy"]) {
    it(`aren't free because, asked again after a kept connection was reset, ${meanwhile}`, async () => {
      const front = await startFront(honest.url);
      const connect = await stage.connect([{ ...honest, url: front.url }], { intervals: { resolveMs: 1_000_000 } });
      expect((await connect.ask(ROUTE, BODY)).status).to.equal(200);
      front.restartAtNextAnswer(meanwhile === "it is busy");
      expect((await connect.ask(ROUTE, BODY)).ok).to.equal(false);
      expect((await connect.balance()).uncertain).to.equal(parseOpg("0.15"));
      await front.comeBack();
      expect(await connect.resolve()).to.equal(0);
      expect((await connect.balance()).owed).to.equal(parseOpg("0.3"));
      expect((await connect.ask(ROUTE, BODY)).status).to.equal(200);
      await connect.close();
      front.close();
    });
  }
});

/** A way to a gateway that can break off just as the gateway has answered. */
async function startFront(gateway: string) {
  const target = Number(new URL(gateway).port);
  const clients = new Set<Socket>();
  let mode: "open" | "breaking" | "busy" = "open";
  let isBusyAfterwards = false;
  const server = createServer((client) => {
    clients.add(client);
    client.on("close", () => clients.delete(client)).on("error", () => {});
    if (mode === "busy") {
      const body = JSON.stringify({
        error: { message: "busy", type: "server_error", code: "overloaded", param: null },
      });
      const head = `HTTP/1.1 503 Busy\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
      client.on("data", () => client.write(head + body));
      return;
    }
    const upstream = connectTo(target, "127.0.0.1").on("error", () => {});
    client.on("data", (bytes) => upstream.write(bytes)).on("close", () => upstream.destroy());
    upstream.on("data", (bytes) => {
      if (mode === "open") return client.write(bytes);
      mode = "busy";
      if (!isBusyAfterwards) server.close();
      for (const each of clients) each.resetAndDestroy();
    });
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    restartAtNextAnswer(isBusy: boolean) {
      isBusyAfterwards = isBusy;
      mode = "breaking";
    },
    async comeBack() {
      mode = "open";
      for (const client of clients) client.destroy();
      if (!server.listening) await listen(port);
    },
    close: () => server.close(),
  };
}
