import { expect } from "chai";
import { encodeClaim } from "../../../src/chain/channels.ts";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { logOf } from "../../../src/chain/receiptLog.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { tokenBalanceOf } from "../../../src/chain/token.ts";
import { channelId } from "../../../src/protocol/channel.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { packVouchers, voucherTypedData } from "../../../src/protocol/voucher.ts";
import { channelsOf, leaveChannel, openChannel, readChannel, topUpChannel } from "../../../src/sdk/channels.ts";
import { registerOperator } from "../../../src/sdk/registerOperator.ts";
import { rotateSigner } from "../../../src/sdk/rotateSigner.ts";
import { signConsent } from "../../../src/sdk/signConsent.ts";
import { withdrawStake } from "../../../src/sdk/stake.ts";
import { addStandingBond, leaveStandingBond } from "../../../src/sdk/standingBond.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const PURSE = parseOpg("100");
const TEN = parseOpg("10");
const ONE = parseOpg("1");
const EXIT_SECONDS = 20; // of deploy/parameters/local.json

describe("a payer's channels", () => {
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let owner: SigningChain;
  let operatorId: number;
  let goBack: () => Promise<void>;

  before(async () => {
    testNetwork = await startTestNetwork();
    await testNetwork.fund(1, PURSE);
    await testNetwork.fund(4, PURSE);
    [payer, owner] = await Promise.all([testNetwork.connectAs(1), testNetwork.connectAs(4)]);
    const signer = owner.account.address;
    ({ operatorId } = await registerOperator(owner, { signer, stake: PURSE, allocate: 0n }));
  });

  beforeEach(async () => {
    goBack = await testNetwork.snapshot();
  });
  afterEach(() => goBack());

  const parties = () => ({ payer: payer.account.address, operatorId, voucherKey: payer.account.address });

  /** The payer's own key signs its vouchers. */
  async function claim(opening: number, cumulativeAmount: bigint): Promise<void> {
    const voucher = { payer: payer.account.address, operatorId, opening, cumulativeAmount };
    const domain = { chainId: payer.chainId, vouchers: payer.addresses.vouchers };
    const signature = await testNetwork.account(1).signTypedData(voucherTypedData(voucher, domain));
    await sendCall(owner, encodeClaim(owner.addresses, operatorId, packVouchers([{ voucher, signature }])));
  }

  it("open with an approval, and top up", async () => {
    const sent: string[] = [];
    const opened = await openChannel(payer, { operatorId, amount: TEN, onProgress: ({ call }) => sent.push(call) });
    expect(sent).to.deep.equal(["OPG.approve", "VoucherEscrow.fund"]);
    expect(opened.channel).to.deep.include({ ...parties(), opening: 1, state: "open", deposited: TEN, remaining: TEN });
    const domain = { chainId: payer.chainId, vouchers: payer.addresses.vouchers };
    expect(opened.channel.channelId).to.equal(channelId({ ...parties(), opening: 1 }, domain));
    const { channel } = await topUpChannel(payer, { operatorId, amount: ONE });
    expect(channel).to.deep.include({ opening: 1, deposited: TEN + ONE });
  });

  it("aren't opened twice, nor topped up when there is none", async () => {
    await expectProtocolError("sdk/channel-not-open", () => topUpChannel(payer, { operatorId, amount: ONE }));
    await openChannel(payer, { operatorId, amount: ONE });
    const error = await expectProtocolError("sdk/channel-open", () => openChannel(payer, { operatorId, amount: ONE }));
    expect(error.message).to.include("with 1 OPG left").and.include("top it up");
  });

  it("refuse more than the payer holds, and an operator there isn't", async () => {
    await expectProtocolError("sdk/insufficient-funds", () => openChannel(payer, { operatorId, amount: PURSE + 1n }));
    await expectProtocolError("contract/UnknownOperator", () => openChannel(payer, { operatorId: 99, amount: ONE }));
  });

  it("are left in two steps, and give back what wasn't claimed; the next one has another number", async () => {
    await expectProtocolError("sdk/channel-not-open", () => leaveChannel(payer, { operatorId }));
    await openChannel(payer, { operatorId, amount: TEN });
    const begun = await leaveChannel(payer, { operatorId });
    expect(begun.channel.state).to.equal("exiting");
    const waiting = await leaveChannel(payer, { operatorId });
    expect(waiting).to.deep.include({ returned: 0n, txReceipts: [] });
    await expectProtocolError("sdk/channel-not-open", () => topUpChannel(payer, { operatorId, amount: ONE }));

    await claim(1, ONE);
    await testNetwork.elapse(EXIT_SECONDS);
    expect((await readChannel(payer, parties())).state).to.equal("closable");
    const before = await tokenBalanceOf(payer, payer.account.address);
    const { channel, returned } = await leaveChannel(payer, { operatorId });
    expect(returned).to.equal(TEN - ONE);
    expect(await tokenBalanceOf(payer, payer.account.address)).to.equal(before + TEN - ONE);
    expect(channel).to.deep.include({ state: "none", remaining: 0n, opening: 1 });
    expect((await openChannel(payer, { operatorId, amount: ONE })).channel.opening).to.equal(2);
  });

  it("are listed, each as it stands", async () => {
    const voucherKey = testNetwork.account(9).address;
    await openChannel(payer, { operatorId, amount: TEN });
    await openChannel(payer, { operatorId, voucherKey, amount: ONE });
    const found = await channelsOf(payer, payer.account.address);
    expect(found.map(({ remaining }) => remaining)).to.have.members([TEN, ONE]);
    expect(await channelsOf(payer, owner.account.address)).to.deep.equal([]);
  });

  it("pay the operator, who takes it out with its other earnings", async () => {
    await openChannel(payer, { operatorId, amount: TEN });
    await claim(1, TEN);
    const { amount } = await withdrawStake(owner, owner.account.address);
    expect(amount).to.equal(TEN);
  });

  it("have an operator that changes its signer, and the receipt log knows at once", async () => {
    await addStandingBond(owner, ONE);
    const signer = testNetwork.account(6);
    const consent = await signConsent(signer, owner, owner.account.address);
    await rotateSigner(owner, { signer: signer.address, consent });
    expect((await logOf(owner, operatorId)).signer).to.equal(signer.address);
    expect(await rotateSigner(owner, { signer: signer.address })).to.deep.equal([]);
  });

  it("stand on a bond that the operator puts up out of what backs nothing, and takes out again", async () => {
    await expectProtocolError("sdk/insufficient-stake", () => addStandingBond(owner, PURSE + 1n));
    expect(await addStandingBond(owner, TEN)).to.deep.include({ operatorId, bond: TEN });
    expect((await addStandingBond(owner, ONE)).bond).to.equal(TEN + ONE);
    expect((await leaveStandingBond(owner, TEN)).bond).to.equal(ONE);
    await testNetwork.elapse(60 * 86_400);
    expect((await withdrawStake(owner, owner.account.address)).amount).to.equal(TEN);
  });
});
