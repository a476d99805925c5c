import { expect } from "chai";
import type { Hex } from "viem";
import {
  batchWordAt,
  encodeAnchor,
  encodeAnswerOmission,
  logOf,
  standingBondOf,
} from "../../../src/chain/receiptLog.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import type { Connect } from "../../../src/connect/openConnect.ts";
import { batchOf, inclusionOf } from "../../../src/protocol/batch.ts";
import { receiptId } from "../../../src/protocol/receipt.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };
// Of deploy/parameters/local.json.
const ANCHOR_SECONDS = 10;
const ANSWER_SECONDS = 10;
const ANCHOR_INTERVAL_SECONDS = 2;

describe("proofs of the local end", function () {
  this.timeout(60_000);
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
    const id = await ask();
    await stage.network.elapse(ANCHOR_SECONDS + 1);
    expect(await connect.prove()).to.include({ challenged: 1 });
    const before = await standingBondOf(chain, operatorId);
    await stage.network.elapse(ANSWER_SECONDS + 1);
    expect(await connect.prove()).to.include({ upheld: 1 });
    expect((await standingBondOf(chain, operatorId)) < before).to.equal(true);
    expect((await connect.receipt(id))?.proof).to.equal("upheld");
  });

  it("only say what is missing when they weren't told to challenge", async () => {
    const mild = await stage.connect([gateway]);
    await (await mild.ask(ROUTE, BODY)).text();
    await stage.network.elapse(ANCHOR_SECONDS + 1);
    expect(await mild.prove()).to.include({ missing: 1, challenged: 0 });
  });
});
