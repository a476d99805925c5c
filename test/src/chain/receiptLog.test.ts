import { expect } from "chai";
import { type Hex, keccak256, numberToHex, zeroAddress } from "viem";
import { chainTime } from "../../../src/chain/clients.ts";
import {
  anchoredAt,
  batchWordAt,
  challengeBond,
  challengeOf,
  encodeAnchor,
  encodeAnswerOmission,
  encodeChallengeOmission,
  encodeLeaveLog,
  encodeShowParts,
  encodeShowReceiptAndPart,
  encodeShowReceipts,
  encodeStartIncarnation,
  encodeSyncLogSigner,
  encodeUpholdOmission,
  isShown,
  logOf,
  logTerms,
  standingBondOf,
} from "../../../src/chain/receiptLog.ts";
import { batchesAnchored, receiptLogEvents } from "../../../src/chain/receiptLogEvents.ts";
import { replayBatches } from "../../../src/chain/replayBatches.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { batchOf, inclusionOf } from "../../../src/protocol/batch.ts";
import { contradiction, linksBack } from "../../../src/protocol/contradiction.ts";
import {
  type Part,
  partHash,
  partTypedData,
  type Receipt,
  receiptId,
  receiptTypedData,
} from "../../../src/protocol/receipt.ts";
import {
  type CallsChain,
  type CallsNetwork,
  CHALLENGE_BOND,
  STANDING_BOND,
  startCallsNetwork,
  TERMS,
} from "../../support/callsNetwork.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { callOf, SALT } from "../../support/statements.ts";

const ALL = { fromBlock: 0n, toBlock: "latest" } as const;

const LIFE = keccak256("0x11");

describe("the receipt log on a chain", () => {
  let callsNetwork: CallsNetwork;
  let operator: CallsChain;
  let operatorId: number;
  let domain: { chainId: number; receipts: Hex };
  let counter = 1n;

  before(async () => {
    callsNetwork = await startCallsNetwork();
    operator = callsNetwork.connectAs(0);
    operatorId = callsNetwork.operatorId;
    domain = { chainId: operator.chainId, receipts: operator.addresses.receipts };
  });

  /** A new call of this operator, issued now, with its signed statements. */
  async function issue() {
    const call = callOf(counter++);
    const issuedAt = await chainTime(operator);
    const { walletClient } = operator;
    const sign = async (change: Partial<Receipt> = {}) => {
      const receipt = { ...call.receipt, operatorId, issuedAt, ...change };
      return { receipt, signature: await walletClient.signTypedData(receiptTypedData(receipt, domain)) };
    };
    const signPart = async (index: number, change: Partial<Part> = {}) => {
      const part = { ...(call.stream[index] as Part), operatorId, issuedAt, ...change };
      return { part, signature: await walletClient.signTypedData(partTypedData(part, domain)) };
    };
    const hashes = call.parts.map((bytes, index) => partHash(SALT, index, bytes));
    return { sign, signPart, links: (last: number, index: number) => linksBack(call.requestHash, hashes, last, index) };
  }

  it("has terms and a standing bond to read", async () => {
    expect(await logTerms(operator)).to.deep.equal(TERMS);
    expect(await challengeBond(operator)).to.equal(CHALLENGE_BOND);
    expect(await standingBondOf(operator, operatorId)).to.equal(STANDING_BOND);
    expect(await logOf(operator, operatorId)).to.deep.equal({
      signer: operator.account.address,
      batchCount: 0,
      incarnation: 0,
    });
    expect(await logOf(operator, 99)).to.deep.equal({ signer: zeroAddress, batchCount: 0, incarnation: 0 });
    await sendCall(operator, encodeSyncLogSigner(operator.addresses, operatorId));
  });

  it("starts incarnations, one after another, for the signer", async () => {
    await sendCall(operator, encodeStartIncarnation(operator.addresses, operatorId, 1, LIFE));
    expect((await logOf(operator, operatorId)).incarnation).to.equal(1);
    await expectProtocolError("contract/WrongIncarnation", () =>
      sendCall(operator, encodeStartIncarnation(operator.addresses, operatorId, 3, LIFE)),
    );
    const error = await expectProtocolError("contract/NotSigner", () =>
      sendCall(callsNetwork.connectAs(1), encodeStartIncarnation(operator.addresses, operatorId, 2, LIFE)),
    );
    expect(error.message).to.include("send it from the operator's signer");
  });

  it("is replayed from its events: every word, so that an old batch is proven too", async () => {
    const contents = [1, 2, 5].map((count) =>
      batchOf(Array.from({ length: count }, (_, index) => keccak256(numberToHex(100 * count + index)))),
    );
    for (const [index, content] of contents.entries()) {
      await sendCall(
        operator,
        encodeAnchor(operator.addresses, operatorId, content, "0x", index === 1 ? "ipfs://a" : ""),
      );
      await callsNetwork.elapse(1_000); // more than between two anchorings
    }
    const events = await batchesAnchored(operator, { ...ALL, operatorId });
    expect(events.map(({ root, count }) => ({ root, count }))).to.deep.equal(
      contents.map(({ root, count }) => ({ root, count })),
    );
    expect(await batchesAnchored(operator, { ...ALL, operatorId: 99 })).to.deep.equal([]);
    const { batchCount } = await logOf(operator, operatorId);
    const head = { batchCount, lastWord: await batchWordAt(operator, operatorId, batchCount - 1) };
    const replayed = replayBatches(events, head);
    expect(replayed.length).to.equal(3);
    for (const { batch, word, anchoredAt: time } of replayed) {
      expect(await batchWordAt(operator, operatorId, batch.number)).to.equal(word);
      expect(await anchoredAt(operator, operatorId, batch)).to.equal(time);
      expect(await anchoredAt(operator, operatorId, { ...batch, count: batch.count + 1 })).to.equal(0);
    }

    const [first, second, third] = events as [
      (typeof events)[number],
      (typeof events)[number],
      (typeof events)[number],
    ];
    const forged = [
      [{ ...first, root: second.root }, second, third],
      [{ ...first, anchoredAt: first.anchoredAt + 1 }, second, third],
      [first, { ...second, count: 3 }, third],
      [first, second, { ...third, dataHash: first.dataHash }],
      [second, first, third],
    ];
    for (const log of forged) await expectProtocolError("receipt-log/mismatch", () => replayBatches(log, head));
    for (const log of [[], events.slice(1), [...events, third]]) {
      await expectProtocolError("receipt-log/incomplete", () => replayBatches(log, head));
    }
    expect(replayBatches([], { batchCount: 0, lastWord: 0n })).to.deep.equal([]);
  });

  it("hears a challenge, and its answer by the receipt's inclusion", async () => {
    const { sign } = await issue();
    const signed = await sign();
    const id = receiptId(signed.receipt, domain);
    const content = batchOf([keccak256("0x01"), id, keccak256("0x02")]);
    const early = await expectProtocolError("contract/OutsideChallengeWindow", () =>
      sendCall(operator, encodeChallengeOmission(operator.addresses, signed)),
    );
    expect(early.message).to.include("only between the two times told");
    await sendCall(operator, encodeAnchor(operator.addresses, operatorId, content));
    await callsNetwork.elapse(TERMS.anchorSeconds + 60);
    await sendCall(operator, encodeChallengeOmission(operator.addresses, signed));
    expect(await challengeOf(operator, operatorId, id)).to.include({
      challenger: operator.account.address,
      bond: CHALLENGE_BOND,
      status: "open",
    });

    const events = await batchesAnchored(operator, { ...ALL, operatorId });
    const { batchCount } = await logOf(operator, operatorId);
    const lastWord = await batchWordAt(operator, operatorId, batchCount - 1);
    const { batch } = replayBatches(events, { batchCount, lastWord }).at(-1) as ReturnType<
      typeof replayBatches
    >[number];
    await expectProtocolError("contract/NotIncluded", () =>
      sendCall(operator, encodeAnswerOmission(operator.addresses, signed.receipt, inclusionOf(batch, content, 0))),
    );
    await sendCall(operator, encodeAnswerOmission(operator.addresses, signed.receipt, inclusionOf(batch, content, 1)));
    expect((await challengeOf(operator, operatorId, id)).status).to.equal("answered");
  });

  it("upholds a challenge nobody has answered", async () => {
    const { sign } = await issue();
    const signed = await sign();
    const id = receiptId(signed.receipt, domain);
    await callsNetwork.elapse(TERMS.anchorSeconds + 60);
    await sendCall(operator, encodeChallengeOmission(operator.addresses, signed));
    const uphold = encodeUpholdOmission(operator.addresses, operatorId, id);
    expect(
      (await expectProtocolError("contract/StillAnswerable", () => sendCall(operator, uphold))).isRetryable,
    ).to.equal(true);
    await callsNetwork.elapse(TERMS.answerSeconds + 60);
    await sendCall(operator, uphold);
    expect((await challengeOf(operator, operatorId, id)).status).to.equal("upheld");
    expect(await standingBondOf(operator, operatorId)).to.equal(STANDING_BOND - TERMS.omissionSlash);
  });

  it("is shown what contradicts, and refuses what doesn't, by the rules of src/protocol/contradiction.ts", async () => {
    const other: Hex = keccak256("0x99");
    const refusals = {
      "other-sequence": "contract/OtherSequence",
      "no-contradiction": "contract/NoContradiction",
      "wrong-link-count": "contract/WrongLinkCount",
      "broken-link": "contract/BrokenLink",
    };
    const one = await issue();
    const two = await issue();
    const three = await issue();
    const four = await issue();
    const stranger = await issue();
    const links = one.links(3, 1);
    const pairs = [
      { a: await one.sign(), b: await one.sign(), links: [] },
      { a: await one.sign(), b: await stranger.sign(), links: [] },
      { a: await two.sign(), b: await two.signPart(1), links: two.links(3, 1) },
      { a: await two.sign(), b: await two.signPart(1, { runningHash: other }), links: [] },
      { a: await two.sign(), b: await two.signPart(1, { runningHash: other }), links },
      { a: await four.signPart(3), b: await four.signPart(1), links: four.links(3, 1) },
      { a: await four.signPart(3), b: await four.signPart(1, { runningHash: other }), links: four.links(3, 2) },
      { a: await four.signPart(3), b: await stranger.signPart(1), links: four.links(3, 1) },
      { a: await one.sign(), b: await one.sign({ price: 1n }), links: [] },
      { a: await two.sign(), b: await two.signPart(1, { runningHash: other }), links: two.links(3, 1) },
      { a: await three.sign(), b: await three.signPart(3, { index: 4 }), links: [] },
      { a: await four.signPart(3), b: await four.signPart(1, { runningHash: other }), links: four.links(3, 1) },
    ];
    const before = await standingBondOf(operator, operatorId);
    let shown = 0n;
    for (const { a, b, links: given } of pairs) {
      const verdict = contradiction(a, b, given);
      const call =
        "receipt" in a
          ? "receipt" in b
            ? encodeShowReceipts(operator.addresses, a, b)
            : encodeShowReceiptAndPart(operator.addresses, a, b as Awaited<ReturnType<typeof one.signPart>>, given)
          : encodeShowParts(operator.addresses, a, b as Awaited<ReturnType<typeof one.signPart>>, given);
      if (!verdict.found) {
        await expectProtocolError(refusals[verdict.why], () => sendCall(operator, call));
        continue;
      }
      expect(call.name).to.equal(`ReceiptLog.${verdict.show}`);
      await sendCall(operator, call);
      shown++;
      const sequence = "receipt" in a ? a.receipt : a.part;
      expect(await isShown(operator, sequence)).to.equal(true);
      await expectProtocolError("contract/AlreadyShown", () => sendCall(operator, call));
    }
    expect(shown).to.equal(4n);
    expect(before - (await standingBondOf(operator, operatorId))).to.equal(4n * TERMS.equivocationSlash);
  });

  it("tells what happened beside anchorings", async () => {
    await sendCall(operator, encodeLeaveLog(operator.addresses, 5n));
    const events = await receiptLogEvents(operator, { ...ALL, operatorId });
    expect(events.map(({ kind }) => kind)).to.deep.equal([
      "signerSynced",
      "joined",
      "incarnationStarted",
      "dataAt",
      "challenged",
      "answered",
      "challenged",
      "upheld",
      ...Array(4).fill("equivocationShown"),
      "left",
    ]);
    const challenged = events.find((event) => event.kind === "challenged");
    expect(challenged?.kind === "challenged" && challenged.receipt.operatorId).to.equal(operatorId);
    expect(await receiptLogEvents(operator, { ...ALL, operatorId: 99 })).to.deep.equal([]);
  });
});
