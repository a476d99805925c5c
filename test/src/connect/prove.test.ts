import { expect } from "chai";
import { type Hex, numberToHex, zeroAddress } from "viem";
import { chainTime, type SigningChain } from "../../../src/chain/clients.ts";
import {
  batchWordAt,
  challengeOf,
  encodeAnchor,
  encodeAnswerOmission,
  logOf,
  logTerms,
  standingBondOf,
} from "../../../src/chain/receiptLog.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { tokenBalanceOf } from "../../../src/chain/token.ts";
import type { GatewayHttp } from "../../../src/connect/gatewayHttp.ts";
import type { Connect } from "../../../src/connect/openConnect.ts";
import { createProver } from "../../../src/connect/prove.ts";
import { createReputation } from "../../../src/connect/reputation.ts";
import { batchOf, inclusionOf, leafOf } from "../../../src/protocol/batch.ts";
import { receiptId } from "../../../src/protocol/receipt.ts";
import { receiptToJson } from "../../../src/protocol/receiptJson.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import type { Relayer } from "../../../src/relayer/relayer.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";
import { callOf } from "../../support/statements.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };
// Of deploy/parameters/local.json.
const ANCHOR_SECONDS = 10;
const CHALLENGE_SECONDS = 30;
const ANSWER_SECONDS = 10;
const ANCHOR_INTERVAL_SECONDS = 2;
const SIGNATURE: Hex = `0x${"11".repeat(65)}`;
const WINDOW_SECONDS = ANCHOR_SECONDS + CHALLENGE_SECONDS;

describe("proofs of the local end", function () {
  this.timeout(120_000);
  let stage: ConnectStage;
  let gateway: FakeGateway;
  let connect: Connect;

  before(async () => {
    stage = await startConnectStage(1);
    gateway = await stage.gateway(0);
    connect = await stage.connect([gateway], { challenge: true });
  });
  after(() => stage.end());

  const ask = async () => {
    const response = await connect.ask(ROUTE, BODY);
    await response.text();
    return response.headers.get("x-opg-receipt-id") as Hex;
  };
  const operator = () => stage.operators[0] as ConnectStage["operators"][number];
  const idOf = ({ receipt }: FakeGateway["receipts"][number]) =>
    receiptId(receipt, { chainId: 31337, receipts: stage.network.addresses.receipts });

  /** Anchors these receipts, as the operator; the gateway can show it from then on. */
  async function anchor(ids: readonly Hex[]): Promise<void> {
    const { chain, operatorId } = operator();
    const content = batchOf(ids);
    await stage.network.elapse(ANCHOR_INTERVAL_SECONDS);
    const { batchCount: number } = await logOf(chain, operatorId);
    const previousWord = number === 0 ? 0n : await batchWordAt(chain, operatorId, number - 1);
    await sendCall(chain, encodeAnchor(chain.addresses, operatorId, content));
    const batch = { number, previousWord, root: content.root, count: content.count, dataHash: content.dataHash };
    for (const [index, id] of ids.entries()) gateway.inclusions.set(id, inclusionOf(batch, content, index));
  }

  it("wait, and then find each receipt in a batch on chain", async () => {
    const ids = [await ask(), await ask(), await ask()];
    expect(await connect.prove()).to.include({ waiting: 3, proven: 0 });
    await anchor(ids);
    expect(await connect.prove()).to.include({ waiting: 0, proven: 3 });
    const kept = await connect.receipt(ids[1] as Hex);
    expect(kept?.proof).to.equal("proven");
    expect(kept?.inclusion?.batch.count).to.equal(3);
    expect(await connect.prove()).to.include({ waiting: 0, proven: 0 });
  });

  it("don't believe an inclusion that isn't on chain", async () => {
    const id = await ask();
    const content = batchOf([id]);
    const batch = { number: 0, previousWord: 0n, root: content.root, count: 1, dataHash: content.dataHash };
    gateway.inclusions.set(id, inclusionOf(batch, content, 0));
    expect(await connect.prove()).to.include({ waiting: 1, proven: 0 });
    await anchor([id]);
    expect(await connect.prove()).to.include({ proven: 1 });
  });

  it("challenge what isn't shown in time, and take an answer on chain for a proof", async () => {
    const id = await ask();
    await anchor([id]);
    const inclusion = gateway.inclusions.get(id);
    gateway.inclusions.delete(id); // anchored, but kept back
    await stage.network.elapse(ANCHOR_SECONDS + 1);
    expect(await connect.prove()).to.include({ challenged: 1 });
    expect(await connect.prove()).to.include({ challenged: 1 });
    const signed = gateway.receipts.find((one) => idOf(one) === id);
    const { chain } = operator();
    if (signed === undefined || inclusion === undefined) throw new Error("there is no such receipt");
    await sendCall(chain, encodeAnswerOmission(chain.addresses, signed.receipt, inclusion));
    expect(await connect.prove()).to.include({ proven: 1, challenged: 0 });
  });

  it("have an operator slashed that has left a receipt out", async () => {
    const { chain, operatorId } = operator();
    await connect.forgive(operatorId);
    const id = await ask();
    await stage.network.elapse(ANCHOR_SECONDS + 1);
    expect(await connect.prove()).to.include({ challenged: 1 });
    const before = await standingBondOf(chain, operatorId);
    await stage.network.elapse(ANSWER_SECONDS + 1);
    expect(await connect.prove()).to.include({ upheld: 1 });
    expect((await standingBondOf(chain, operatorId)) < before).to.equal(true);
    expect((await connect.receipt(id))?.proof).to.equal("upheld");
  });

  it("lose one bond, and no second one, to an operator that keeps back what it has anchored", async () => {
    const { chain, operatorId } = operator();
    const dataDir = await stage.folder();
    const hurt = await stage.connect([gateway], { challenge: true, dataDir });
    const ids: Hex[] = [];
    for (let calls = 0; calls < 3; calls++) {
      const response = await hurt.ask(ROUTE, BODY);
      ids.push(response.headers.get("x-opg-receipt-id") as Hex);
    }
    await anchor(ids);
    const inclusions = new Map(ids.map((id) => [id, gateway.inclusions.get(id)]));
    for (const id of ids) gateway.inclusions.delete(id);
    const before = await tokenBalanceOf(chain, stage.payer.account.address);
    await stage.network.elapse(ANCHOR_SECONDS + 1);
    expect(await hurt.prove()).to.include({ challenged: 1, missing: 2 });
    expect(await hurt.prove()).to.include({ challenged: 1, missing: 2 });
    for (const id of ids) {
      const signed = gateway.receipts.find((one) => idOf(one) === id);
      const inclusion = inclusions.get(id);
      const { status } = await challengeOf(chain, operatorId, id);
      if (status !== "open" || signed === undefined || inclusion === undefined) continue;
      await sendCall(chain, encodeAnswerOmission(chain.addresses, signed.receipt, inclusion));
    }
    expect(await hurt.prove()).to.include({ proven: 1, missing: 2 });
    expect(await hurt.prove()).to.include({ challenged: 0, missing: 2 });
    expect((await hurt.ask(ROUTE, BODY)).status).to.equal(503);
    await hurt.close();
    const next = await stage.connect([gateway], { challenge: true, dataDir });
    expect(await next.prove()).to.include({ challenged: 0, missing: 2 });
    expect(before - (await tokenBalanceOf(chain, stage.payer.account.address))).to.equal(parseOpg("1"));
  });

  it("find what was anchored while its gateway was away through all of the challenge window", async () => {
    const late = await stage.connect([gateway]);
    const id = (await late.ask(ROUTE, BODY)).headers.get("x-opg-receipt-id") as Hex;
    await anchor([id]);
    const inclusion = gateway.inclusions.get(id);
    gateway.inclusions.delete(id);
    await stage.network.elapse(WINDOW_SECONDS + 1);
    expect(await late.prove()).to.include({ missing: 1 });
    if (inclusion !== undefined) gateway.inclusions.set(id, inclusion);
    expect(await late.prove()).to.include({ missing: 0, proven: 0 });
    await stage.network.elapse(WINDOW_SECONDS / 4 + 1);
    expect(await late.prove()).to.include({ missing: 0, proven: 1 });
    await late.close();
  });

  type Answer = { status: number; body?: unknown };

  /** A prover with a store of its own, and operators whose gateways answer like this. */
  async function startProver(answer: (url: URL) => Answer | Promise<Answer>, chain: SigningChain = stage.payer) {
    const store = await openTemporaryStore();
    const now = await chainTime(stage.payer);
    const channelId = numberToHex(1, { size: 32 });
    const parties = { payer: zeroAddress, operatorId: 7, voucherKey: zeroAddress, opening: 1 };
    await store.paid.openChannel(channelId, parties, 0n);
    const idOf = (n: number) => numberToHex(10_000 + n, { size: 32 });
    const add = async (n: number, operatorId: number, age: number) => {
      const requestHash = numberToHex(n, { size: 32 });
      await store.paid.begin(
        {
          ...{ requestHash, channelId, operatorId, route: ROUTE, model: "fake/echo", cap: 1n, deposited: 10_000n },
          ...{ sentAt: 0, chainSentAt: now, quote: undefined },
        },
        { live: [], amount: 0n },
      );
      const { receipt } = callOf(BigInt(n));
      const signed = { receipt: { ...receipt, operatorId, issuedAt: now - age, price: 1n }, signature: SIGNATURE };
      await store.paid.accept(requestHash, idOf(n), signed);
    };
    const asked: number[] = [];
    const http = {
      async request(uri: string) {
        const url = new URL(uri);
        asked.push(Number(url.hostname.slice(1)));
        const { status, body } = await answer(url);
        return { status, readAll: () => Promise.resolve(new TextEncoder().encode(JSON.stringify(body))) };
      },
    } as unknown as GatewayHttp;
    const errors: unknown[] = [];
    const round = createProver({
      ...{ chain, paid: store.paid, http, challenge: false, terms: await logTerms(stage.payer) },
      operators: { urlOf: (operatorId) => `http://o${operatorId}` },
      ...{ reputation: await createReputation(store.paid), relayer: {} as Relayer, step: () => {} },
      onError: (error) => errors.push(error),
    });
    return { store, idOf, add, asked, errors, round };
  }

  it("look past a thousand receipts of one operator, and once it is too late to challenge, seldom at them, and at last no more", async () => {
    const { store, idOf, add, asked, errors, round } = await startProver(() => ({ status: 404 }));
    for (let n = 1; n <= 1_000; n++) await add(n, 7, WINDOW_SECONDS + 1);
    await add(1_001, 8, 0);
    expect(await round()).to.include({ missing: 1_000, waiting: 1 });
    asked.length = 0;
    expect(await round()).to.include({ missing: 0, waiting: 1 });
    expect(asked).to.deep.equal([8]);
    expect((await store.paid.find(numberToHex(1, { size: 32 })))?.receipt?.proof).to.equal("missing");
    await store.paid.setProof(idOf(1_001), "proven");
    let looks = 0;
    for (let windows = 1; windows <= 40; windows++) {
      await stage.network.elapse(WINDOW_SECONDS);
      if ((await round()).missing > 0) looks += 1;
    }
    expect(looks).to.be.within(6, 13);
    expect(await store.paid.inProof(["missing"], { now: 2 ** 40, limit: 1 })).to.deep.equal([]);
    expect(errors).to.deep.equal([]);
    await store.close();
  });

  it("give up no receipt whose operator was never reached", async () => {
    let isAway = true;
    const { store, add, asked, round } = await startProver(() => {
      if (isAway) throw new Error("away");
      return { status: 404 };
    });
    await add(1, 7, 20 * WINDOW_SECONDS);
    expect(await round()).to.include({ missing: 1 });
    expect(await round()).to.include({ missing: 0 });
    isAway = false;
    asked.length = 0;
    await stage.network.elapse(WINDOW_SECONDS + 1);
    expect(await round()).to.include({ missing: 1 });
    expect(asked).to.deep.equal([7]);
    await store.close();
  });

  it("read the log once for all that an operator makes up, and look for it as seldom when it can't be read", async () => {
    let reads = 0;
    let isRefused = false;
    const publicClient = new Proxy(stage.payer.publicClient, {
      get(target, name, receiver) {
        if (name !== "getContractEvents") return Reflect.get(target, name, receiver) as unknown;
        return (...parameters: Parameters<typeof target.getContractEvents>) => {
          reads += 1;
          return isRefused ? Promise.reject(new Error("429")) : target.getContractEvents(...parameters);
        };
      },
    });
    const domain = { chainId: 31337, receipts: stage.network.addresses.receipts };
    const madeUp = (id: Hex) => {
      const batch = { number: 0, previousWord: 0n, root: leafOf(id), count: 1, dataHash: numberToHex(0, { size: 32 }) };
      const { receipt } = callOf(1n);
      return receiptToJson({ receipt, signature: SIGNATURE, domain, inclusion: { batch, proof: [] } });
    };
    const { store, add, asked, errors, round } = await startProver(
      ({ pathname }) => ({ status: 200, body: madeUp(pathname.split("/")[3] as Hex) }),
      { ...stage.payer, publicClient },
    );
    for (let n = 1; n <= 20; n++) await add(n, 7, WINDOW_SECONDS + 1);
    expect(await round()).to.include({ missing: 20, proven: 0 });
    expect(reads).to.equal(1);
    expect(errors).to.deep.equal([]);
    isRefused = true;
    await stage.network.elapse(WINDOW_SECONDS);
    await round();
    expect(reads).to.be.lessThan(20); // in pieces, tried once for all of them
    expect(errors).to.have.lengthOf(20);
    asked.length = 0;
    await round();
    expect(asked).to.deep.equal([]);
    await store.close();
  });

  it("don't wait for a slow operator with those of another", async () => {
    let openOfSlow = 0;
    let openWhenOther = -1;
    const { store, add, round } = await startProver(async ({ hostname }) => {
      if (hostname === "o8") openWhenOther = openOfSlow;
      else openOfSlow += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { status: 404 };
    });
    for (let n = 1; n <= 100; n++) await add(n, 7, 0);
    await add(101, 8, 0);
    expect(await round()).to.include({ waiting: 101 });
    expect(openWhenOther).to.be.within(0, 8);
    await store.close();
  });

  it("only say what is missing when they weren't told to challenge", async () => {
    const mild = await stage.connect([gateway]);
    await (await mild.ask(ROUTE, BODY)).text();
    await stage.network.elapse(ANCHOR_SECONDS + 1);
    expect(await mild.prove()).to.include({ missing: 1, challenged: 0 });
  });
});
