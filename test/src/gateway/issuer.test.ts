import { expect } from "chai";
import { type Hex, keccak256, numberToHex, recoverAddress } from "viem";
import type { Issuer } from "../../../src/gateway/issuer.ts";
import { partId, receiptId, responseRoot, sequenceOf } from "../../../src/protocol/receipt.ts";
import type { SignedVoucher } from "../../../src/protocol/voucher.ts";
import type { Store } from "../../../src/store/store.ts";
import {
  beginCall,
  bytesOf,
  CAP,
  CHANNEL_ID,
  DEPOSITED,
  issuerOf,
  OUTCOME,
  RECEIPT_DOMAIN,
  SIGNER,
  signVoucher,
} from "../../support/calls.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";

describe("an issuer of receipts", () => {
  let store: Store;

  let channel: Hex;
  let channels = 0n;

  before(async () => {
    store = await openTemporaryStore();
  });
  after(() => store.close());

  beforeEach(() => {
    channels += 1n;
    channel = numberToHex(channels, { size: 32 }); // each test has a channel of its own
  });

  const begin = (issuer: Issuer, name: string, voucher?: SignedVoucher, cap = CAP) =>
    beginCall(issuer, name, voucher, cap, channel);

  it("numbers calls from one, above its incarnation, and says what the channel owes after each", async () => {
    const issuer = await issuerOf(store.calls, 7);
    const first = await begin(issuer, "a", await signVoucher(10n * CAP));
    const second = await begin(issuer, "b");
    expect([await first.reserved(), await second.reserved()]).to.deep.equal([sequenceOf(7, 1n), sequenceOf(7, 2n)]);
    const { receipt: later } = await second.end(OUTCOME);
    const { receipt: earlier } = await first.end({ ...OUTCOME, price: 1n });
    expect([later.cumulativeOwed, earlier.cumulativeOwed]).to.deep.equal([700n, 701n]);
  });

  it("signs what the parts add up to", async () => {
    const issuer = await issuerOf(store.calls, 1);
    const call = await begin(issuer, "a", await signVoucher(CAP));
    const parts = [await call.part(bytesOf("one")), await call.part(bytesOf("two"))];
    const { receipt, signature } = await call.end(OUTCOME);
    expect(parts.map(({ part }) => part.index)).to.deep.equal([0, 1]);
    expect(parts[1]?.part.runningHash).to.equal(receipt.responseRoot);
    expect(receipt.partCount).to.equal(2);
    expect(await recoverAddress({ hash: receiptId(receipt, RECEIPT_DOMAIN), signature })).to.equal(SIGNER.address);
    for (const { part, signature: ofPart } of parts) {
      expect(await recoverAddress({ hash: partId(part, RECEIPT_DOMAIN), signature: ofPart })).to.equal(SIGNER.address);
    }
    const salt = keccak256(bytesOf("salt a"));
    expect(receipt.responseRoot).to.equal(responseRoot(receipt.requestHash, salt, [bytesOf("one"), bytesOf("two")]));
  });

  it("takes a part's bytes as bytes or as hex", async () => {
    const issuer = await issuerOf(store.calls, 1);
    const call = await begin(issuer, "a", await signVoucher(CAP));
    await call.part(new TextEncoder().encode("one"));
    await call.part(bytesOf("two"));
    const { receipt } = await call.end(OUTCOME);
    const salt = keccak256(bytesOf("salt a"));
    expect(receipt.responseRoot).to.equal(responseRoot(receipt.requestHash, salt, [bytesOf("one"), bytesOf("two")]));
  });

  it("counts what isn't streamed without signing it", async () => {
    const call = await begin(await issuerOf(store.calls, 1), "a", await signVoucher(CAP));
    await call.whole(bytesOf("all of it"));
    const { receipt } = await call.end(OUTCOME);
    expect(receipt.partCount).to.equal(1);
    expect(receipt.responseRoot).to.equal(
      responseRoot(receipt.requestHash, keccak256(bytesOf("salt a")), [bytesOf("all of it")]),
    );
  });

  it("signs a receipt once, and sends the same one again", async () => {
    let now = 1_900_000_000;
    const issuer = await issuerOf(store.calls, 1, () => now++);
    const call = await begin(issuer, "a", await signVoucher(CAP));
    const sent = await call.end(OUTCOME);
    expect(await call.end({ ...OUTCOME, price: 1n, servedModel: "another" })).to.deep.equal(sent);
    expect(await store.calls.receipt(channel, await call.reserved())).to.deep.equal(sent);
    await expectProtocolError("call/ended", () => call.part(bytesOf("late")));
  });

  it("takes a voucher for what is owed, all caps under way and this one; what a cap leaves over counts for the next", async () => {
    const issuer = await issuerOf(store.calls, 1);
    await expectProtocolError("call/voucher-too-low", () => begin(issuer, "a"));
    await expectProtocolError("call/voucher-too-low", async () => begin(issuer, "a", await signVoucher(CAP - 1n)));
    const call = await begin(issuer, "a", await signVoucher(CAP));
    await expectProtocolError("call/voucher-too-low", async () => begin(issuer, "b", await signVoucher(2n * CAP - 1n)));
    await call.end(OUTCOME); // 700 of 1,000
    const next = await begin(issuer, "b", await signVoucher(CAP + OUTCOME.price));
    await next.abandon(); // costs nothing
    await begin(issuer, "c");
    expect((await store.calls.account(channel)).owed).to.equal(OUTCOME.price);
  });

  it("keeps the highest voucher, whichever comes last", async () => {
    const issuer = await issuerOf(store.calls, 1);
    await begin(issuer, "a", await signVoucher(5n * CAP));
    await begin(issuer, "b", await signVoucher(3n * CAP));
    expect((await store.calls.account(channel)).voucher).to.deep.equal(await signVoucher(5n * CAP));
  });

  it("keeps a voucher that may be claimed though each brings a cap that isn't used up", async () => {
    const issuer = await issuerOf(store.calls, 1);
    let owed = 0n;
    for (let n = 0; n < 9; n++) {
      const call = await begin(issuer, `call ${n}`, await signVoucher(owed + CAP));
      owed = (await call.end({ ...OUTCOME, price: CAP / 4n })).receipt.cumulativeOwed;
    }
    const due = async () => (await store.claims.due(1, 1n))[0]?.voucher;
    // The first promised four prices, so it was due after the fourth call; the fifth brought eight, due after the eighth.
    expect((await due())?.voucher.cumulativeAmount).to.equal(2n * CAP);
    await store.calls.keepVoucher(channel, await signVoucher(owed));
    expect((await due())?.voucher.cumulativeAmount).to.equal(owed);
    await store.calls.keepVoucher(channel, await signVoucher(owed + 1n));
    expect((await due())?.voucher.cumulativeAmount).to.equal(owed);
  });

  it("serves nothing that the channel doesn't hold, and nothing above the cap", async () => {
    const issuer = await issuerOf(store.calls, 1);
    const rich = await signVoucher(2n * DEPOSITED);
    await expectProtocolError("call/channel-too-small", () => begin(issuer, "a", rich, DEPOSITED + 1n));
    const call = await begin(issuer, "a", rich);
    await expectProtocolError("call/over-cap", () => call.end({ ...OUTCOME, price: CAP + 1n }));
  });

  it("takes a request once, whatever came of it", async () => {
    const issuer = await issuerOf(store.calls, 1);
    const call = await begin(issuer, "a", await signVoucher(9n * CAP));
    await expectProtocolError("call/replayed", () => begin(issuer, "a"));
    await call.end(OUTCOME);
    await expectProtocolError("call/replayed", () => begin(issuer, "a"));
    await (await begin(issuer, "b")).abandon();
    await expectProtocolError("call/replayed", () => begin(issuer, "b"));
    expect((await store.calls.account(channel)).reserved).to.equal(0n);
  });

  it("finds a call by its receipt and by its request", async () => {
    const issuer = await issuerOf(store.calls, 1);
    const call = await begin(issuer, "a", await signVoucher(9n * CAP));
    const sent = await call.end(OUTCOME);
    const wanted = { stage: "issued", receipt: sent };
    expect(await store.calls.find(sent.receipt.requestHash)).to.deep.equal(wanted);
    expect(await store.calls.find(receiptId(sent.receipt, RECEIPT_DOMAIN))).to.deep.equal(wanted);
    expect(await store.calls.find(CHANNEL_ID)).to.equal(undefined);
  });

  it("gives a call that was given up no receipt", async () => {
    const issuer = await issuerOf(store.calls, 1);
    const call = await begin(issuer, "a", await signVoucher(CAP));
    await call.abandon();
    await expectProtocolError("call/not-reserved", () => call.end(OUTCOME));
    expect(await store.calls.receipt(channel, await call.reserved())).to.equal(undefined);
  });

  it("gives up what an earlier life left under way, and frees its cap", async () => {
    const before = await issuerOf(store.calls, 1);
    const cut = await begin(before, "a", await signVoucher(CAP));
    await cut.part(bytesOf("one"));
    const after = await issuerOf(store.calls, 2);
    await begin(after, "b");
    await expectProtocolError("call/not-reserved", () => cut.end(OUTCOME));
  });

  it("owes at least what the chain says was claimed, whatever the store remembers", async () => {
    const issuer = await issuerOf(store.calls, 1);
    const terms = {
      voucherKey: SIGNER.address,
      ...{ channelId: channel, payer: SIGNER.address, model: "m", salt: CHANNEL_ID },
      ...{ cap: CAP, deposited: DEPOSITED, claimed: 9n * CAP },
    };
    await expectProtocolError("call/voucher-too-low", async () =>
      issuer.begin({ ...terms, requestHash: keccak256(bytesOf("low")), voucher: await signVoucher(9n * CAP) }),
    );
    const requestHash = keccak256(bytesOf("enough"));
    const call = await issuer.begin({ ...terms, requestHash, voucher: await signVoucher(10n * CAP) });
    expect((await call.end(OUTCOME)).receipt.cumulativeOwed).to.equal(9n * CAP + OUTCOME.price);
  });
});
