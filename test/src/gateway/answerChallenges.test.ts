import { expect } from "chai";
import { challengeOf, encodeChallengeOmission } from "../../../src/chain/receiptLog.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeApprove, encodeTokenTransfer } from "../../../src/chain/token.ts";
import type { SignedReceipt } from "../../../src/protocol/receipt.ts";
import { receiptTypedData } from "../../../src/protocol/receipt.ts";
import {
  type CallsChain,
  type CallsNetwork,
  CHALLENGE_BOND,
  startCallsNetwork,
  TERMS,
} from "../../support/callsNetwork.ts";
import {
  eventually,
  type GatewayLife,
  idOf,
  openTestChannel,
  receiptDomain,
  startLife,
  type TestChannel,
} from "../../support/gatewayLife.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";

describe("challenges of omissions", function () {
  this.timeout(60_000);
  let network: CallsNetwork;
  let chain: CallsChain;
  let challenger: CallsChain;
  let channel: TestChannel;
  let folder: string;
  let remove: () => Promise<void>;
  let life: GatewayLife;

  before(async () => {
    network = await startCallsNetwork();
    [chain, challenger] = [network.connectAs(0), network.connectAs(5)];
    channel = await openTestChannel(network, 1);
    const { addresses, account } = challenger;
    await sendCall(chain, encodeTokenTransfer(addresses, account.address, 10n * CHALLENGE_BOND));
    await sendCall(challenger, encodeApprove(addresses, addresses.receipts, 10n * CHALLENGE_BOND));
    ({ folder, remove } = await temporaryFolder());
    life = await startLife(network, folder);
  });
  after(async () => {
    await life.kill();
    await remove();
  });

  const challenge = (signed: SignedReceipt) =>
    sendCall(challenger, encodeChallengeOmission(challenger.addresses, signed));
  const statusOf = async ({ receipt }: SignedReceipt) =>
    (await challengeOf(chain, network.operatorId, idOf(chain, receipt))).status;
  const isAnchored = async ({ receipt }: SignedReceipt) =>
    (await life.batches.receipt(idOf(chain, receipt)))?.inclusion !== undefined;

  async function issueAnchored(): Promise<SignedReceipt> {
    const [signed] = (await life.issue(channel)) as [SignedReceipt];
    await network.elapse(TERMS.anchorSeconds / 4);
    await eventually(() => isAnchored(signed));
    await network.elapse(TERMS.anchorSeconds);
    return signed;
  }

  it("are answered by itself", async () => {
    const signed = await issueAnchored();
    await challenge(signed);
    await eventually(async () => (await statusOf(signed)) === "answered");
    expect(life.errors).to.deep.equal([]);
  });

  it("that were made while the gateway was down are answered when it starts, others aren't again", async () => {
    const signed = await issueAnchored();
    await life.kill();
    await challenge(signed);
    life = await startLife(network, folder);
    await eventually(async () => (await statusOf(signed)) === "answered");
    await eventually(() => life.events.some(({ kind }) => kind === "answered"));
    expect(life.events.filter(({ kind }) => kind === "answered")).to.have.lengthOf(1);
    expect(life.errors).to.deep.equal([]);
  });

  it("of receipts that were anchored in time, which wasn't known yet, are answered once it is", async () => {
    await life.kill();
    const lost = new Error("killed here");
    life = await startLife(network, folder, {
      batches: (real) => ({ ...real, anchored: () => Promise.reject(lost) }),
    });
    const [signed] = (await life.issue(channel)) as [SignedReceipt];
    await network.elapse(TERMS.anchorSeconds / 4);
    await eventually(() => life.errors.includes(lost));
    await network.elapse(TERMS.anchorSeconds);
    await challenge(signed);
    await eventually(() => life.events.some(({ kind }) => kind === "challenged"));
    expect(await statusOf(signed)).to.equal("open");
    await life.kill();
    life = await startLife(network, folder);
    await eventually(() => isAnchored(signed));
    await network.elapse(1);
    await eventually(async () => (await statusOf(signed)) === "answered");
  });

  it("that can't be answered are told", async () => {
    const [known] = (await life.issue(channel)) as [SignedReceipt];
    await network.elapse(TERMS.anchorSeconds / 4);
    await eventually(() => isAnchored(known));
    const receipt = { ...known.receipt, sequence: known.receipt.sequence + 1_000n };
    const signature = await chain.account.signTypedData?.(receiptTypedData(receipt, receiptDomain(chain)));
    await network.elapse(TERMS.anchorSeconds);
    await challenge({ receipt, signature: signature ?? "0x" });
    await eventually(() => life.events.some(({ kind }) => kind === "unanswerable"));
    expect(life.events.find(({ kind }) => kind === "unanswerable")).to.deep.equal({
      ...{ kind: "unanswerable", reason: "unknown-receipt", receiptId: idOf(chain, receipt) },
    });
    const [late] = (await life.issue(channel)) as [SignedReceipt];
    await life.kill();
    await network.elapse(TERMS.anchorSeconds + 1);
    life = await startLife(network, folder);
    await eventually(() => isAnchored(late));
    await challenge(late);
    const told = () =>
      life.events.find((event) => event.kind === "unanswerable" && event.receiptId === idOf(chain, late.receipt));
    await eventually(() => told() !== undefined);
    expect(told()).to.include({ reason: "anchored-too-late" });
    expect(life.events.find(({ kind }) => kind === "anchored")).to.include({ isLate: true });
  });
});
