import { expect } from "chai";
import { zeroAddress } from "viem";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { allocationOf, stakeOf } from "../../../src/chain/staking.ts";
import { memberOf, operatorOfSigner } from "../../../src/chain/verifier.ts";
import { STAKE_UNIT } from "../../../src/protocol/commitRevealTerms.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { registerOperator } from "../../../src/sdk/registerOperator.ts";
import { signConsent } from "../../../src/sdk/signConsent.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const STAKE = parseOpg("100");

describe("registering an operator", () => {
  let testNetwork: TestNetwork;
  let owner: SigningChain;
  let goBack: () => Promise<void>;

  before(async () => {
    testNetwork = await startTestNetwork();
    await testNetwork.fund(4, 10n * STAKE);
    owner = await testNetwork.connectAs(4);
  });

  beforeEach(async () => {
    goBack = await testNetwork.snapshot();
  });

  afterEach(() => goBack());

  const options = () => ({ signer: owner.account.address, stake: STAKE, allocate: STAKE / 2n });

  it("registers, stakes, allows and joins", async () => {
    const { operatorId, txReceipts } = await registerOperator(owner, options());
    expect(txReceipts).to.have.length(5);
    expect(await stakeOf(owner, operatorId)).to.include({ active: STAKE, unallocated: STAKE / 2n });
    expect((await allocationOf(owner, operatorId)).active).to.equal(STAKE / 2n);
    expect((await memberOf(owner, operatorId)).share).to.equal(STAKE / 2n / STAKE_UNIT);
    expect(await operatorOfSigner(owner, owner.account.address)).to.equal(operatorId);
  });

  it("does nothing the second time, and only what is missing after", async () => {
    const { operatorId } = await registerOperator(owner, options());
    expect((await registerOperator(owner, options())).txReceipts).to.have.length(0);
    const calls: string[] = [];
    await registerOperator(owner, { ...options(), allocate: STAKE, onProgress: ({ call }) => calls.push(call) });
    expect(calls).to.deep.equal(["OperatorStaking.allowVerifier", "CommitRevealVerifier.join"]);
    expect((await allocationOf(owner, operatorId)).active).to.equal(STAKE);
  });

  it("takes a signer of its own with its consent", async () => {
    const signer = testNetwork.account(14);
    const consent = await signConsent(signer, owner, owner.account.address);
    const { operatorId } = await registerOperator(owner, { ...options(), signer: signer.address, consent });
    expect(await operatorOfSigner(owner, signer.address)).to.equal(operatorId);
  });

  it("is refused without the signer's consent, or with one that is over", async () => {
    const signer = testNetwork.account(14);
    const consent = await signConsent(signer, owner, owner.account.address, 60);
    const deadline = consent.deadline + 1_000n;
    await expectProtocolError("contract/InvalidSignerConsent", () =>
      registerOperator(owner, { ...options(), signer: signer.address, consent: { ...consent, deadline } }),
    );
    await testNetwork.elapse(61);
    await expectProtocolError("contract/ConsentExpired", () =>
      registerOperator(owner, { ...options(), signer: signer.address, consent }),
    );
  });

  it("is refused for another signer than the registered one", async () => {
    await registerOperator(owner, options());
    await expectProtocolError("sdk/other-signer", () =>
      registerOperator(owner, { ...options(), signer: testNetwork.account(14).address }),
    );
  });

  it("is refused for amounts that can't be", async () => {
    await expectProtocolError("sdk/amount-not-in-units", () =>
      registerOperator(owner, { ...options(), allocate: STAKE_UNIT + 1n }),
    );
    await expectProtocolError("sdk/allocation-exceeds-stake", () =>
      registerOperator(owner, { ...options(), allocate: 2n * STAKE }),
    );
    await expectProtocolError("sdk/insufficient-funds", () =>
      registerOperator(owner, { ...options(), stake: 100n * STAKE }),
    );
    await expectProtocolError("sdk/zero-address", () => registerOperator(owner, { ...options(), signer: zeroAddress }));
  });
});
