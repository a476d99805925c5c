import { expect } from "chai";
import { zeroAddress } from "viem";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeStake } from "../../../src/chain/staking.ts";
import { encodeApprove, tokenBalanceOf } from "../../../src/chain/token.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { operatorStatus, ownOperator } from "../../../src/sdk/operatorStatus.ts";
import { registerOperator } from "../../../src/sdk/registerOperator.ts";
import { rotateSigner } from "../../../src/sdk/rotateSigner.ts";
import { signConsent } from "../../../src/sdk/signConsent.ts";
import { addStake, unbondStake, withdrawStake } from "../../../src/sdk/stake.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const STAKE = parseOpg("100");
const UNBONDING_SECONDS = 60 * 86_400; // the longest there can be

describe("an operator's stake", () => {
  let testNetwork: TestNetwork;
  let owner: SigningChain;
  let operatorId: number;
  let goBack: () => Promise<void>;

  before(async () => {
    testNetwork = await startTestNetwork();
    await testNetwork.fund(4, 10n * STAKE);
    owner = await testNetwork.connectAs(4);
    const registered = await registerOperator(owner, {
      signer: owner.account.address,
      stake: STAKE,
      allocate: STAKE / 2n,
    });
    operatorId = registered.operatorId;
  });

  beforeEach(async () => {
    goBack = await testNetwork.snapshot();
  });

  afterEach(() => goBack());

  it("grows, and backs the verifier or nothing yet", async () => {
    await addStake(owner, { amount: STAKE });
    let status = await operatorStatus(owner, operatorId);
    expect(status.stake).to.include({ active: 2n * STAKE, unallocated: STAKE / 2n });
    expect(status.allocation.active).to.equal(STAKE + STAKE / 2n);
    await addStake(owner, { amount: STAKE, join: false });
    status = await operatorStatus(owner, operatorId);
    expect(status.stake).to.include({ active: 3n * STAKE, unallocated: STAKE + STAKE / 2n });
  });

  it("leaves from what backs nothing first, and is paid out once unbonded", async () => {
    const amount = STAKE - STAKE / 4n;
    expect(await unbondStake(owner, amount)).to.have.length(2);
    const status = await operatorStatus(owner, operatorId);
    expect(status.stake).to.include({ active: STAKE / 4n, unallocated: 0n });
    expect(status.unbonding.leaving).to.equal(STAKE / 2n);
    expect(status.allocation).to.include({ active: STAKE / 4n, leaving: STAKE / 4n });

    const nothingYet = await withdrawStake(owner, owner.account.address);
    expect(nothingYet).to.deep.equal({ amount: 0n, txReceipts: [] });
    await testNetwork.elapse(UNBONDING_SECONDS);
    const to = testNetwork.account(9).address;
    const withdrawn = await withdrawStake(owner, to);
    expect(withdrawn.amount).to.equal(amount);
    expect(await tokenBalanceOf(owner, to)).to.equal(amount);
  });

  it("is refused for amounts that can't be, before anything is sent", async () => {
    await expectProtocolError("sdk/insufficient-stake", () => unbondStake(owner, STAKE + 1n));
    await expectProtocolError("sdk/amount-not-in-units", () => unbondStake(owner, STAKE / 2n + 1n));
    expect((await operatorStatus(owner, operatorId)).stake.active).to.equal(STAKE);
  });

  it("belongs to an owner", async () => {
    const stranger = await testNetwork.connectAs(5);
    await expectProtocolError("sdk/not-registered", () => addStake(stranger, { amount: STAKE }));
    await expectProtocolError("sdk/not-registered", () => unbondStake(stranger, 1n));
    await expectProtocolError("sdk/not-registered", () => withdrawStake(stranger, stranger.account.address));
    await expectProtocolError("sdk/unknown-operator", () => operatorStatus(owner, 99));
    expect(await ownOperator(owner, owner.account.address)).to.equal(operatorId);
  });

  it("doesn't join what the owner staked apart", async () => {
    await sendCall(owner, encodeApprove(owner.addresses, owner.addresses.staking, STAKE));
    await sendCall(owner, encodeStake(owner.addresses, STAKE));
    await addStake(owner, { amount: STAKE });
    expect((await operatorStatus(owner, operatorId)).allocation.active).to.equal(STAKE + STAKE / 2n);
  });

  it("gets another signer that the verifier knows; doing it twice does nothing", async () => {
    const signer = testNetwork.account(14);
    const consent = await signConsent(signer, owner, owner.account.address);
    const options = { signer: signer.address, consent };
    expect(await rotateSigner(owner, options)).to.have.length(2);
    expect(await operatorStatus(owner, operatorId)).to.include({ signer: signer.address, isSignerSynced: true });
    expect(await rotateSigner(owner, options)).to.have.length(0);
    await expectProtocolError("sdk/zero-address", () => rotateSigner(owner, { signer: zeroAddress }));
    await expectProtocolError("contract/InvalidSignerConsent", () =>
      rotateSigner(owner, { ...options, signer: testNetwork.account(15).address }),
    );
  });
});
