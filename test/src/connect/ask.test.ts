import { expect } from "chai";
import type { RefusedAnswer } from "../../../src/connect/exchange.ts";
import type { Connect } from "../../../src/connect/openConnect.ts";
import { ANSWER_HEADERS } from "../../../src/connect/toResponse.ts";
import type { ApiErrorBody } from "../../../src/protocol/apiError.ts";
import type { FakeGateway, Fault } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };
const STREAM = { ...BODY, stream: true };

/** Shunned for good after it. */
const LIES: Fault[] = ["changed-body", "wrong-price", "over-owed", "wrong-request-hash", "wrong-model"];
const STREAM_LIES: Fault[] = ["changed-part", "wrong-price", "wrong-request-hash", "wrong-model", "wrong-sequence"];
/** Refused, but no lie: the operator's key hasn't signed it. */
const UNSIGNED: Fault[] = ["other-key", "no-receipt"];
const FAILURES: Fault[] = [
  ...(["cut-body", "garbage", "status-429", "status-500"] as const),
  ...(["never-answers", "switches-protocols"] as const),
];

describe("a question to the local end", function () {
  this.timeout(60_000);
  let stage: ConnectStage;
  let bad: FakeGateway;
  let good: FakeGateway;
  let connect: Connect;

  before(async () => {
    stage = await startConnectStage(2);
    // The cheaper one is asked first.
    bad = await stage.gateway(0, { quote: { request: 1n, input: 1n, output: 1n } });
    good = await stage.gateway(1);
    connect = await stage.connect([bad, good], { intervals: { timeoutMs: 500, forgottenAfterSeconds: 0 } });
  });
  after(() => stage.end());

  beforeEach(async () => {
    for (const gateway of [bad, good]) {
      gateway.reset();
      await connect.forgive(gateway.operatorId);
    }
  });

  const header = (response: Response, name: keyof typeof ANSWER_HEADERS) => response.headers.get(ANSWER_HEADERS[name]);
  const codeOf = async (response: Response) => ((await response.json()) as ApiErrorBody).error.code;
  const contentOf = async (response: Response) =>
    ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content;

  it("is answered with a body whose receipt was checked, kept and counted", async () => {
    const response = await connect.ask(ROUTE, BODY);
    expect(response.status).to.equal(200);
    expect(header(response, "verified")).to.equal("receipt");
    expect(header(response, "operator")).to.equal(String(bad.operatorId));
    expect(header(response, "attempts")).to.equal("1");
    expect(await contentOf(response)).to.include("hello");
    const [kept] = await connect.receipts();
    expect(kept?.receiptId).to.equal(header(response, "receiptId"));
    expect(kept?.receipt.price).to.equal(BigInt(header(response, "price") ?? ""));
    expect((await connect.balance()).owed).to.equal(await bad.owed());
  });

  it("is answered with a stream, part by part, without the operator's comments", async () => {
    const response = await connect.ask(ROUTE, STREAM);
    expect(header(response, "verified")).to.equal("parts");
    const text = await response.text();
    expect(text).to.include("hello").and.not.include("opg-");
    expect(text.endsWith("data: [DONE]\n\n")).to.equal(true);
    expect((await connect.receipts())[0]?.receipt.partCount).to.equal(3);
    expect(await connect.balance()).to.include({ owed: await bad.owed(), uncertain: 0n });
  });

  for (const lie of LIES) {
    it(`goes to another operator when the first one lies: ${lie}`, async () => {
      bad.fault = lie;
      const response = await connect.ask(ROUTE, BODY);
      expect(header(response, "operator")).to.equal(String(good.operatorId));
      expect(header(response, "attempts")).to.equal("2");
      expect(await contentOf(response)).to.include("echo: ");
      expect((await connect.receipts())[0]?.receipt.operatorId).to.equal(good.operatorId);
      bad.fault = undefined;
      await (await connect.ask(ROUTE, BODY)).text();
      expect(bad.calls).to.equal(1);
    });
  }

  for (const lie of STREAM_LIES) {
    it(`is streamed by another operator when the first one lies before anything was handed on: ${lie}`, async () => {
      bad.fault = lie;
      bad.partCount = 1; // the only part waits for the receipt
      const response = await connect.ask(ROUTE, STREAM);
      expect(header(response, "operator")).to.equal(String(good.operatorId));
      expect(await response.text())
        .to.include("echo: ")
        .and.not.include("ECHO");
    });
  }

  for (const fault of UNSIGNED) {
    it(`goes to another operator for this once when what the first one answers isn't signed: ${fault}`, async () => {
      bad.fault = fault;
      const response = await connect.ask(ROUTE, BODY);
      expect(header(response, "operator")).to.equal(String(good.operatorId));
      bad.fault = undefined;
      expect((await connect.ask(ROUTE, BODY, { operator: bad.operatorId })).status).to.equal(200);
    });
  }

  it("is streamed by another operator when nobody has signed what the first one sends", async () => {
    bad.fault = "other-key";
    bad.partCount = 1;
    const response = await connect.ask(ROUTE, STREAM);
    expect(header(response, "operator")).to.equal(String(good.operatorId));
    expect(await response.text()).to.include("echo: ");
  });

  it("is answered by an operator that was restored from an old copy, and asks for less than it is owed", async () => {
    const refused: unknown[] = [];
    const restoring = await stage.connect([bad], { onRefused: (it) => refused.push(it) });
    for (let calls = 0; calls < 2; calls++) expect((await restoring.ask(ROUTE, BODY)).status).to.equal(200);
    const { owed } = await restoring.balance();
    bad.fault = "under-owed";
    expect((await restoring.ask(ROUTE, BODY)).status).to.equal(200);
    expect(refused).to.deep.equal([]);
    expect((await restoring.balance()).owed - owed).to.equal(owed / 2n);
  });

  it("goes to another operator when it gets the receipt of an earlier call", async () => {
    await (await connect.ask(ROUTE, BODY)).text();
    bad.fault = "replayed";
    expect(header(await connect.ask(ROUTE, BODY), "operator")).to.equal(String(good.operatorId));
  });

  it("tells of a liar, and remembers it in the next life", async () => {
    bad.fault = "changed-body";
    const dataDir = await stage.folder();
    const refused: unknown[] = [];
    const onRefused = ({ operatorId, code }: RefusedAnswer) => refused.push({ operatorId, code });
    const first = await stage.connect([bad, good], { dataDir, onRefused });
    await (await first.ask(ROUTE, BODY)).text();
    await first.close();
    expect(refused).to.deep.equal([{ operatorId: bad.operatorId, code: "receipt/response" }]);
    const second = await stage.connect([bad, good], { dataDir });
    await (await second.ask(ROUTE, BODY)).text();
    expect(bad.calls).to.equal(1);
  });

  for (const failure of FAILURES) {
    it(`goes to another operator when the first one fails: ${failure}`, async () => {
      bad.fault = failure;
      const response = await connect.ask(ROUTE, BODY);
      expect(header(response, "operator")).to.equal(String(good.operatorId));
      expect(await contentOf(response)).to.include("hello");
    });
  }

  it("ends a stream with an error event when the operator lies after something was handed on", async () => {
    bad.fault = "late-changed-part";
    bad.partBytes = 1;
    const response = await connect.ask(ROUTE, STREAM);
    const events = (await response.text()).split("\n\n").filter((event) => event !== "");
    expect(events.at(-1))
      .to.match(/^data: \{"error":/)
      .and.include("answer_refused");
    expect(events.join()).not.to.include("[DONE]");
  });

  for (const fault of ["cut-stream", "garbage", "unsigned-end", "huge-part"] as const) {
    it(`ends a stream that breaks off with an error event, never as if it were whole: ${fault}`, async () => {
      bad.fault = fault;
      const text = await (await connect.ask(ROUTE, STREAM)).text();
      expect(text).to.include("hello").and.include('data: {"error":').and.not.include("garbage");
      expect(text).not.to.include("[DONE]");
    });
  }

  it("gets an operator's refusal of the request itself passed on once another says so too", async () => {
    bad.fault = "status-400";
    good.fault = "status-400";
    const response = await connect.ask(ROUTE, BODY);
    expect(response.status).to.equal(400);
    expect(header(response, "verified")).to.equal("none");
    expect(await codeOf(response)).to.equal("invalid_value");
    expect([bad.calls, good.calls]).to.deep.equal([1, 1]);
  });

  it("gets an operator's refusal of the request when there is no other that could tell", async () => {
    bad.fault = "status-400";
    expect((await connect.ask(ROUTE, BODY, { operator: bad.operatorId })).status).to.equal(400);
    good.fault = "status-500";
    expect((await connect.ask(ROUTE, BODY)).status).to.equal(400);
  });

  it("is answered by another when one finds it wrong alone, which has failed then", async () => {
    bad.fault = "status-400";
    const response = await connect.ask(ROUTE, BODY);
    expect(header(response, "operator")).to.equal(String(good.operatorId));
    expect(header(response, "attempts")).to.equal("2");
    await (await connect.ask(ROUTE, STREAM)).text();
    expect([bad.calls, good.calls]).to.deep.equal([1, 2]);
  });

  it("looks at the channel anew when an operator wants more in it, and goes to another when it still does", async () => {
    bad.fault = "status-402";
    await new Promise((resolve) => setTimeout(resolve, 5_000)); // it may have been funded just now
    const response = await connect.ask(ROUTE, BODY);
    expect(header(response, "operator")).to.equal(String(good.operatorId));
    await (await connect.ask(ROUTE, BODY)).text();
    expect([bad.calls, good.calls]).to.deep.equal([2, 2]);
  });

  it("goes to another operator after one whose stream broke off", async () => {
    bad.fault = "cut-stream";
    await (await connect.ask(ROUTE, STREAM)).text();
    const response = await connect.ask(ROUTE, STREAM);
    expect(header(response, "operator")).to.equal(String(good.operatorId));
    expect(await response.text()).to.include("[DONE]");
  });

  it("gets the last failure when all fail, and every operator is asked once", async () => {
    bad.fault = "status-500";
    good.fault = "status-429";
    const response = await connect.ask(ROUTE, BODY);
    expect(response.status).to.equal(429);
    expect(response.headers.get("retry-after")).to.equal("1");
    expect([bad.calls, good.calls]).to.deep.equal([1, 1]);
  });

  it("goes only to the operator that the app names", async () => {
    const response = await connect.ask(ROUTE, BODY, { operator: good.operatorId });
    expect(header(response, "operator")).to.equal(String(good.operatorId));
    expect(await codeOf(await connect.ask(ROUTE, BODY, { operator: 999 }))).to.equal("no_operator");
  });

  it("never costs more than the app allows", async () => {
    await (await connect.ask(ROUTE, BODY, { maxPrice: 5n, operator: good.operatorId })).text();
    expect((await connect.receipts())[0]?.receipt.price).to.equal(5n);
  });

  it("takes another model's answer only when it was told to, and pays for it all the same", async () => {
    bad.fault = "other-served-model";
    const response = await connect.ask(ROUTE, BODY);
    expect(header(response, "operator")).to.equal(String(good.operatorId));
    const paid = (await connect.receipts(2)).map(({ receipt }) => receipt.servedModel);
    expect(paid).to.deep.equal(["fake/echo", "fake/cheaper"]);
    const text = await (await connect.ask(ROUTE, STREAM, { operator: bad.operatorId })).text();
    expect(text).to.include("other_model_served").and.not.include("[DONE]");
    const lax = await stage.connect([bad], { allowOtherServedModel: true });
    expect((await lax.ask(ROUTE, BODY)).status).to.equal(200);
  });

  for (const [code, body] of [
    ["invalid_body", [1]],
    ["missing_model", {}],
    ["invalid_value", { ...BODY, stream: "yes" }],
    ["invalid_body", { ...BODY, user: "\ud800" }],
    ["model_not_found", { ...BODY, model: "fake/none" }],
  ] as const) {
    it(`is refused here when it can't be asked: ${code} ${JSON.stringify(body).slice(0, 20)}`, async () => {
      expect(await codeOf(await connect.ask(ROUTE, body))).to.equal(code);
      expect(bad.calls).to.equal(0);
    });
  }

  it("is counted as uncertain when the app goes away, and resolved soon after", async () => {
    bad.delayMs = 100;
    bad.partCount = 50;
    const leaving = new AbortController();
    const [theirs, ours] = [await bad.owed(), (await connect.balance()).owed];
    const response = await connect.ask(ROUTE, STREAM, { signal: leaving.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    leaving.abort(new Error("gone"));
    const failure = await reader?.read().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    await until(async () => bad.aborted === 1);
    await until(async () => (await connect.balance()).uncertain === 0n);
    const price = (await bad.owed()) - theirs;
    expect(price > 0n).to.equal(true);
    expect((await connect.balance()).owed - ours).to.equal(price);
    expect(bad.partsSent).to.be.lessThan(10);
  });

  it("is read from the gateway no faster than the app reads", async () => {
    bad.partCount = 400;
    bad.partBytes = 100_000;
    const response = await connect.ask(ROUTE, STREAM);
    const reader = response.body?.getReader();
    await reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(bad.partsSent).to.be.lessThan(200);
    await reader?.cancel();
  });
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("it didn't come to that");
}
