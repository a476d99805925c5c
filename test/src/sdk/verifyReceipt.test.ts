import { expect } from "chai";
import { type Hex, keccak256, stringToHex, zeroHash } from "viem";
import { chainTime, type SigningChain } from "../../../src/chain/clients.ts";
import {
  batchWordAt,
  encodeAnchor,
  encodeChallengeOmission,
  encodeShowReceipts,
  encodeUpholdOmission,
} from "../../../src/chain/receiptLog.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeApprove } from "../../../src/chain/token.ts";
import { batchOf, type Inclusion, inclusionOf } from "../../../src/protocol/batch.ts";
import { type Receipt, receiptId, receiptTypedData, responseRoot, sequenceOf } from "../../../src/protocol/receipt.ts";
import type { PortableReceipt } from "../../../src/protocol/receiptJson.ts";
import { requestHash } from "../../../src/protocol/requestHash.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { type ChannelView, openChannel } from "../../../src/sdk/channels.ts";
import { registerOperator } from "../../../src/sdk/registerOperator.ts";
import { rotateSigner } from "../../../src/sdk/rotateSigner.ts";
import { signConsent } from "../../../src/sdk/signConsent.ts";
import { addStandingBond } from "../../../src/sdk/standingBond.ts";
import { type KnownCall, verifyReceipt } from "../../../src/sdk/verifyReceipt.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

// Of deploy/parameters/local.json.
const ANCHOR_SECONDS = 10;
const ANSWER_SECONDS = 10;
const EVIDENCE_SECONDS = 3_600;
const RING_SIZE = 256;
const PURSE = parseOpg("1000");
const SALT = keccak256(stringToHex("salt"));
const BODY = { model: "onnx/digits", messages: [{ role: "user", content: "what is it?" }] };
const ANSWER = stringToHex("a seven");

describe("a receipt, verified against the chain", function () {
  this.timeout(60_000);
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let operator: SigningChain;
  let operatorId: number;
  let channel: ChannelView;
  let goBack: () => Promise<void>;

  before(async () => {
    testNetwork = await startTestNetwork();
    for (const index of [1, 4]) await testNetwork.fund(index, PURSE);
    [payer, operator] = await Promise.all([testNetwork.connectAs(1), testNetwork.connectAs(4)]);
    const signer = operator.account.address;
    ({ operatorId } = await registerOperator(operator, { signer, stake: PURSE, allocate: 0n }));
    await addStandingBond(operator, PURSE);
    ({ channel } = await openChannel(payer, { operatorId, amount: parseOpg("10") }));
    await testNetwork.elapse(1);
  });

  beforeEach(async () => {
    goBack = await testNetwork.snapshot();
  });
  afterEach(() => goBack());

  const domain = () => ({ chainId: payer.chainId, receipts: payer.addresses.receipts });

  async function issue(changes: Partial<Receipt> = {}, account = 4): Promise<PortableReceipt> {
    const asked = requestHash(SALT, "/v1/chat/completions", BODY);
    const receipt: Receipt = {
      ...{ operatorId, payer: channel.payer, channelId: channel.channelId as Hex, sequence: sequenceOf(1, 1n) },
      ...{ model: "onnx/digits", servedModel: "onnx/digits", requestHash: asked, partCount: 1 },
      responseRoot: responseRoot(asked, SALT, [ANSWER]),
      ...{ inputUnits: 3n, outputUnits: 2n, price: parseOpg("0.5"), cumulativeOwed: parseOpg("0.5") },
      issuedAt: await chainTime(payer),
      ...changes,
    };
    const signature = await testNetwork.account(account).signTypedData(receiptTypedData(receipt, domain()));
    return { receipt, signature, domain: domain() };
  }

  async function anchor(portable: PortableReceipt, number = 0, previousWord = 0n): Promise<Inclusion> {
    const content = batchOf([keccak256("0x01"), receiptId(portable.receipt, portable.domain), keccak256("0x02")]);
    await sendCall(operator, encodeAnchor(operator.addresses, operatorId, content));
    const { root, count, dataHash } = content;
    return inclusionOf({ number, previousWord, root, count, dataHash }, content, 1);
  }

  /** Names of the checks that failed. */
  async function failed(portable: PortableReceipt, known?: KnownCall): Promise<string[]> {
    const { ok, checks } = await verifyReceipt(payer, portable, known);
    const names = checks.filter((check) => !check.ok).map(({ name }) => name);
    expect(ok).to.equal(names.length === 0);
    return names;
  }

  const KNOWN = (): KnownCall => ({
    model: "onnx/digits",
    requestHash: requestHash(SALT, "/v1/chat/completions", BODY),
    response: { salt: SALT, parts: [ANSWER] },
    maxPrice: parseOpg("1"),
    previousOwed: 0n,
  });

  it("is true before it is due, and once it is anchored, and names every check", async () => {
    const portable = await issue();
    expect(await failed(portable, KNOWN())).to.deep.equal([]);
    const inclusion = await anchor(portable);
    await testNetwork.elapse(10 * ANCHOR_SECONDS);
    const found = await verifyReceipt(payer, { ...portable, inclusion }, KNOWN());
    expect(found.ok).to.equal(true);
    expect(found.anchoredAt).to.be.a("number");
    expect(found.checks.map(({ name }) => name)).to.deep.equal([
      ...["log", "signer", "date", "channel", "equivocation", "anchoring"],
      ...["model", "served-model", "request", "response", "price", "cumulative-owed"],
    ]);
  });

  it("is worth nothing for another chain, another log, another key, another channel (R1)", async () => {
    const portable = await issue();
    const elsewhere = (changes: Partial<PortableReceipt["domain"]>) => ({
      ...portable,
      domain: { ...domain(), ...changes },
    });
    expect(await failed(elsewhere({ chainId: 1 }))).to.deep.equal(["log", "signer"]);
    expect(await failed(elsewhere({ receipts: payer.addresses.vouchers }))).to.deep.equal(["log", "signer"]);
    expect(await failed(await issue({}, 5))).to.deep.equal(["signer"]);
    expect(await failed(await issue({ channelId: zeroHash }))).to.deep.equal(["channel"]);
    expect(await failed(await issue({ payer: operator.account.address }))).to.deep.equal(["channel"]);
    const tooMuch = parseOpg("11");
    expect(await failed(await issue({ cumulativeOwed: tooMuch }))).to.deep.equal(["channel"]);
  });

  it("is no true one of another call than the client's", async () => {
    const faults: [Partial<Receipt>, string][] = [
      [{ servedModel: "onnx/iris" }, "served-model"],
      [{ responseRoot: zeroHash }, "response"],
      [{ price: parseOpg("1") + 1n, cumulativeOwed: parseOpg("1") + 1n }, "price"],
      [{ cumulativeOwed: parseOpg("0.6") }, "cumulative-owed"],
    ];
    const ofIris = await issue({ model: "onnx/iris", servedModel: "onnx/iris" });
    expect(await failed(ofIris, KNOWN())).to.deep.equal(["model", "served-model"]);
    for (const [changes, name] of faults) expect(await failed(await issue(changes), KNOWN())).to.deep.equal([name]);
    const otherRequest = await issue({ requestHash: zeroHash, responseRoot: responseRoot(zeroHash, SALT, [ANSWER]) });
    expect(await failed(otherRequest, { requestHash: KNOWN().requestHash as Hex })).to.deep.equal(["request"]);
  });

  it("paid by an authorisation names that instead of a channel", async () => {
    const authorisation = keccak256(stringToHex("authorisation"));
    const portable = await issue({ channelId: authorisation });
    expect(await failed(portable)).to.deep.equal(["channel"]);
    expect(await failed(portable, { authorisation })).to.deep.equal([]);
    expect(await failed(portable, { authorisation: zeroHash })).to.deep.equal(["channel"]);
  });

  it("isn't taken while it is dated ahead of the chain", async () => {
    const portable = await issue({ issuedAt: (await chainTime(payer)) + 30 });
    expect(await failed(portable)).to.deep.equal(["date"]);
  });

  it("is not true once it should have been anchored and isn't", async () => {
    const portable = await issue();
    await testNetwork.elapse(ANCHOR_SECONDS + 1);
    const { checks } = await verifyReceipt(payer, portable);
    const anchoring = checks.find(({ name }) => name === "anchoring");
    expect(anchoring?.ok).to.equal(false);
    expect(anchoring?.detail).to.include("challenge until");

    await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.receipts, parseOpg("1")));
    await sendCall(payer, encodeChallengeOmission(payer.addresses, portable));
    await testNetwork.elapse(ANSWER_SECONDS + 1);
    const id = receiptId(portable.receipt, portable.domain);
    await sendCall(payer, encodeUpholdOmission(payer.addresses, operatorId, id));
    const after = (await verifyReceipt(payer, portable)).checks.find(({ name }) => name === "anchoring");
    expect(after?.detail).to.include("the operator was slashed");
  });

  it("isn't anchored by an inclusion of something else", async () => {
    const portable = await issue();
    const inclusion = await anchor(portable);
    const other = await issue({ sequence: sequenceOf(1, 2n) });
    expect(await failed({ ...other, inclusion })).to.deep.equal(["anchoring"]);
    const invented = { ...inclusion, batch: { ...inclusion.batch, count: 4 } };
    expect(await failed({ ...portable, inclusion: invented })).to.deep.equal([]); // the log has the root all the same
    const unanchored = batchOf([receiptId(other.receipt, other.domain)]);
    const { root, count, dataHash } = unanchored;
    const fake = inclusionOf({ number: 0, previousWord: 0n, root, count, dataHash }, unanchored, 0);
    expect(await failed({ ...other, inclusion: fake })).to.deep.equal(["anchoring"]);
  });

  it("is proven from the log once the ring has gone round", async () => {
    const portable = await issue();
    const inclusion = await anchor(portable);
    for (let number = 1; number <= RING_SIZE; number++) {
      await testNetwork.elapse(3);
      await sendCall(
        operator,
        encodeAnchor(operator.addresses, operatorId, batchOf([keccak256(stringToHex(`${number}`))])),
      );
    }
    expect(await batchWordAt(payer, operatorId, 0)).to.not.equal(0n);
    expect(await failed({ ...portable, inclusion })).to.deep.equal([]);
  });

  it("is contradicted by what was shown", async () => {
    const [one, two] = [await issue(), await issue({ responseRoot: zeroHash })];
    await sendCall(payer, encodeShowReceipts(payer.addresses, one, two));
    expect(await failed(one)).to.include("equivocation");
  });

  it("stays true after its key was replaced if it was anchored, and proves nothing in the end if it wasn't", async () => {
    const [kept, lost] = [await issue(), await issue({ sequence: sequenceOf(1, 2n) })];
    const inclusion = await anchor(kept);
    const signer = testNetwork.account(6);
    const consent = await signConsent(signer, operator, operator.account.address);
    await rotateSigner(operator, { signer: signer.address, consent });
    await testNetwork.elapse(2 * EVIDENCE_SECONDS);
    expect(await failed({ ...kept, inclusion })).to.deep.equal([]);
    const { checks } = await verifyReceipt(payer, lost);
    expect(checks.find(({ name }) => name === "anchoring")?.detail).to.include("a key the operator has replaced");
  });
});
