import { expect } from "chai";
import OpenAI, { APIUserAbortError, BadRequestError, NotFoundError } from "openai";
import { run } from "../../../src/cli/main.ts";
import type { Connect } from "../../../src/connect/openConnect.ts";
import { type ConnectServer, type ListedReceipt, serveConnect } from "../../../src/connect/server.ts";
import { createVerifiedFetch } from "../../../src/connect/verifiedFetch.ts";
import { parseReceipt } from "../../../src/protocol/receiptJson.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";
import { createTestTerminal } from "../../support/testTerminal.ts";

const QUESTION = { model: "fake/echo", messages: [{ role: "user" as const, content: "hello" }] };

describe("OpenAI's own client", function () {
  this.timeout(60_000);
  let stage: ConnectStage;
  let gateway: FakeGateway;
  let connect: Connect;
  let server: ConnectServer;

  before(async () => {
    stage = await startConnectStage(1);
    gateway = await stage.gateway(0);
    connect = await stage.connect([gateway], { intervals: { forgottenAfterSeconds: 0 } });
    server = await serveConnect(connect, { port: 0 });
  });
  after(async () => {
    await server.close();
    await stage.end();
  });
  beforeEach(async () => {
    gateway.reset();
    await connect.forgive(gateway.operatorId);
  });

  const ways = {
    "over a verified fetch": () =>
      new OpenAI({
        apiKey: "none",
        maxRetries: 0,
        baseURL: "https://any.example/x/v1",
        fetch: createVerifiedFetch(connect),
      }),
    "over the local server": () => new OpenAI({ apiKey: "none", maxRetries: 0, baseURL: `${server.url}/v1` }),
  };

  for (const [way, clientOf] of Object.entries(ways)) {
    describe(way, () => {
      it("chats", async () => {
        const { data, response } = await clientOf().chat.completions.create(QUESTION).withResponse();
        expect(data.choices[0]?.message.content).to.include("hello");
        expect(response.headers.get("x-opg-verified")).to.equal("receipt");
      });

      it("streams", async () => {
        const texts: string[] = [];
        for await (const chunk of await clientOf().chat.completions.create({ ...QUESTION, stream: true })) {
          texts.push(chunk.choices[0]?.delta.content ?? "");
        }
        expect(texts).to.have.length(3);
        expect(texts[0]).to.include("hello");
      });

      it("embeds", async () => {
        const { data } = await clientOf().embeddings.create({
          ...{ model: "fake/echo", input: "hello", encoding_format: "float" as const },
        });
        expect(data[0]?.embedding).to.deep.equal([0.5, 1]);
      });

      it("lists models", async () => {
        const { data } = await clientOf().models.list();
        expect(data.map(({ id }) => id)).to.deep.equal(["fake/echo", "fake/other"]);
      });

      it("gets errors in its own classes", async () => {
        const missing = await clientOf()
          .chat.completions.create({ ...QUESTION, model: "fake/none" })
          .catch((error: unknown) => error);
        expect(missing).to.be.instanceOf(NotFoundError).and.include({ code: "model_not_found", param: "model" });
        gateway.fault = "status-400";
        const refused = await clientOf()
          .chat.completions.create(QUESTION)
          .catch((error: unknown) => error);
        expect(refused).to.be.instanceOf(BadRequestError).and.include({ code: "invalid_value" });
      });

      it("throws when a stream is cut", async () => {
        gateway.fault = "cut-stream";
        const stream = await clientOf().chat.completions.create({ ...QUESTION, stream: true });
        const texts: string[] = [];
        const failure = await (async () => {
          for await (const chunk of stream) texts.push(chunk.choices[0]?.delta.content ?? "");
          return undefined;
        })().catch((error: unknown) => error);
        expect(texts).to.have.length(1);
        expect(failure).to.be.instanceOf(Error);
      });

      it("ends the operator's work when it aborts a question", async () => {
        gateway.fault = "never-answers";
        const leaving = new AbortController();
        const asked = clientOf().chat.completions.create(QUESTION, { signal: leaving.signal });
        setTimeout(() => leaving.abort(), 200);
        expect(await asked.catch((error: unknown) => error)).to.be.instanceOf(APIUserAbortError);
        await until(async () => gateway.aborted === 1);
      });

      it("ends the operator's work when it aborts a stream", async () => {
        Object.assign(gateway, { delayMs: 30, partCount: 200 });
        const stream = await clientOf().chat.completions.create({ ...QUESTION, stream: true });
        for await (const _ of stream) break; // leaving the loop aborts
        await until(async () => gateway.aborted === 1);
        await until(async () => (await connect.balance()).uncertain === 0n);
        expect(gateway.partsSent).to.be.lessThan(100);
      });
    });
  }

  it("is told when the local end stops in the middle of a stream", async () => {
    const stopping = await stage.connect([gateway], { intervals: { forgottenAfterSeconds: 0 } });
    const served = await serveConnect(stopping, { port: 0 });
    Object.assign(gateway, { delayMs: 30, partCount: 200 });
    const client = new OpenAI({ apiKey: "none", maxRetries: 0, baseURL: `${served.url}/v1` });
    const stream = await client.chat.completions.create({ ...QUESTION, stream: true });
    let texts = 0;
    let closed: Promise<unknown> | undefined;
    const failure = await (async () => {
      for await (const _ of stream) if (++texts === 2) closed = Promise.all([served.close(), stopping.close()]);
      return undefined;
    })().catch((error: unknown) => error);
    expect(failure).to.include({ code: "stopping" });
    await closed;
  });

  it("finds kept receipts by their ids", async () => {
    const { response } = await clientOf().chat.completions.create(QUESTION).withResponse();
    const id = response.headers.get("x-opg-receipt-id");
    const found = (await (await fetch(`${server.url}/v1/receipts/${id}`)).json()) as { receipt: { model: string } };
    expect(found.receipt.model).to.equal("fake/echo");
    for (const none of ["0x12", "%00"]) expect((await fetch(`${server.url}/v1/receipts/${none}`)).status).to.equal(404);
  });

  it("lists kept receipts, newest first", async () => {
    const { response } = await clientOf().chat.completions.create(QUESTION).withResponse();
    const list = async (query: string) => await fetch(`${server.url}/v1/receipts${query}`);
    const { data } = (await (await list("?limit=1")).json()) as { data: ListedReceipt[] };
    expect(data.map(({ receiptId }) => receiptId)).to.deep.equal([response.headers.get("x-opg-receipt-id")]);
    expect(parseReceipt(data[0]?.receipt).receipt.model).to.equal("fake/echo");
    expect((await list("?limit=0")).status).to.equal(400);
  });

  it("opg receipt list shows them, and says when nobody is there", async () => {
    const terminal = createTestTerminal();
    expect(await run(["receipt", "list", "--connect", server.url, "--limit", "2", "--json"], terminal)).to.equal(0);
    const { receipts } = JSON.parse(terminal.stdout) as { receipts: { model: string; proof: string }[] };
    expect(receipts).to.have.length(2);
    expect(receipts[0]).to.include({ model: "fake/echo", proof: "waiting" });
    const nobody = createTestTerminal();
    expect(await run(["receipt", "list", "--connect", "http://127.0.0.1:9", "--json"], nobody)).to.equal(1);
    expect(JSON.parse(nobody.stdout).error).to.include({ code: "cli/connect-not-running" });
  });

  for (const [what, status, init] of [
    ["no JSON", 400, { body: "{" }],
    ["a header of another form", 400, { body: JSON.stringify(QUESTION), headers: { "x-opg-quorum": "2" } }],
    ["a price of another form", 400, { body: JSON.stringify(QUESTION), headers: { "x-opg-max-price": "1.5" } }],
    ["another content type", 415, { body: JSON.stringify(QUESTION), headers: { "content-type": "text/plain" } }],
    ["a body that is too large", 413, { body: "x".repeat(16 * 1024 * 1024 + 1) }],
  ] as const) {
    it(`is told in OpenAI's shape what is wrong: ${what}`, async () => {
      const headers = { "content-type": "application/json", ...("headers" in init && init.headers) };
      const response = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", ...init, headers });
      expect(response.status).to.equal(status);
      const { error } = (await response.json()) as { error: object };
      expect(error).to.have.all.keys("message", "type", "param", "code");
    });
  }

  it("is told that there is nothing at another path", async () => {
    const response = await fetch(`${server.url}/v1/files`);
    expect([response.status, response.headers.get("x-opg-verified")]).to.deep.equal([404, "none"]);
    expect(await (await fetch(`${server.url}/health`)).json()).to.deep.equal({ status: "ok" });
  });

  const clientOf = ways["over the local server"];
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("it didn't come to that");
}
