import { expect } from "chai";
import { callEarningsOf, channelOf, encodeClaim, encodeStartExit } from "../../../src/chain/channels.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { packVouchers } from "../../../src/protocol/voucher.ts";
import { createCallTable } from "../../../src/store/calls.ts";
import {
  type CallsChain,
  type CallsNetwork,
  EXIT_SECONDS,
  startCallsNetwork,
  TERMS,
} from "../../support/callsNetwork.ts";
import {
  CAP,
  eventually,
  type GatewayLife,
  openTestChannel,
  PRICE,
  startLife,
  type TestChannel,
} from "../../support/gatewayLife.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";

describe("vouchers brought to the chain", function () {
  this.timeout(60_000);
  let network: CallsNetwork;
  let chain: CallsChain;
  let channels: TestChannel[];
  let folder: string;
  let remove: () => Promise<void>;
  let life: GatewayLife;

  before(async () => {
    network = await startCallsNetwork();
    chain = network.connectAs(0);
    channels = [];
    for (const index of [1, 2, 3, 4]) channels.push(await openTestChannel(network, index));
    ({ folder, remove } = await temporaryFolder());
    life = await startLife(network, folder);
  });
  after(async () => {
    await life.kill();
    await remove();
  });

  /** A payer's exact voucher, after its calls. */
  const bring = async ({ id, sign }: TestChannel, amount: bigint) =>
    createCallTable(life.database).keepVoucher(id, await sign(amount));
  const claimedOf = async ({ channel }: TestChannel) => (await channelOf(chain, channel)).claimed;
  const anchorings = () => life.events.filter(({ kind }) => kind === "anchored").length;
  const seen = () => eventually(async () => life.watch.latest().number === (await chain.publicClient.getBlockNumber()));
  const isNoted = (wanted: number) => eventually(async () => (await life.claims.exiting(10)).length === wanted);

  async function anchorNext(): Promise<void> {
    const before = anchorings();
    await network.elapse(TERMS.anchorSeconds / 4);
    await eventually(() => anchorings() > before);
  }

  it("travel with an anchoring: the highest that promises no more than what is owed", async () => {
    const [first, second] = channels as [TestChannel, TestChannel];
    await life.issue(first, 3);
    await life.issue(second, 1);
    await bring(first, 3n * PRICE);
    await anchorNext();
    expect(await claimedOf(first)).to.equal(3n * PRICE);
    // Its only voucher promises the call's cap.
    expect(await claimedOf(second)).to.equal(0n);
    expect(await callEarningsOf(chain, network.operatorId)).to.equal(3n * PRICE);
  });

  it("are claimed before their payer can leave, in full, when nothing is anchored meanwhile", async () => {
    const second = channels[1] as TestChannel;
    const payer = network.connectAs(2);
    await sendCall(payer, encodeStartExit(payer.addresses, second.channel));
    await isNoted(1);
    expect(await claimedOf(second)).to.equal(0n);
    await network.elapse(EXIT_SECONDS / 2);
    await eventually(() => life.events.some(({ kind }) => kind === "claimed"));
    expect(await claimedOf(second)).to.equal(CAP);
    expect(life.events.filter(({ kind }) => kind === "claimed")).to.have.lengthOf(1);
    await network.elapse(1);
    await seen();
    await isNoted(0);
    expect(life.events.filter(({ kind }) => kind === "claimed")).to.have.lengthOf(1);
  });

  it("of payers on their way out go with the next anchoring, also when the exit began while the gateway was down", async () => {
    const third = channels[2] as TestChannel;
    await life.issue(third, 1);
    await life.kill();
    const payer = network.connectAs(3);
    await sendCall(payer, encodeStartExit(payer.addresses, third.channel));
    life = await startLife(network, folder);
    await isNoted(1);
    await anchorNext();
    expect(await claimedOf(third)).to.equal(CAP);
    expect(life.events.some(({ kind }) => kind === "claimed")).to.equal(false);
    expect(life.errors).to.deep.equal([]);
  });

  it("that somebody else has brought are not brought again", async () => {
    const fourth = channels[3] as TestChannel;
    await life.issue(fourth, 1);
    await bring(fourth, PRICE);
    const isDue = async () => (await life.claims.due(10, 1n)).some(({ channelId }) => channelId === fourth.id);
    expect(await isDue()).to.equal(true);
    const { addresses } = network.connectAs(5);
    const packed = packVouchers([await fourth.sign(PRICE)]);
    await sendCall(network.connectAs(5), encodeClaim(addresses, network.operatorId, packed));
    await anchorNext();
    expect(await claimedOf(fourth)).to.equal(PRICE);
    const [last] = await life.database.query("select vouchers from batches order by id desc limit 1");
    expect(last?.vouchers).to.equal("0x");
    expect(await isDue()).to.equal(false);
  });

  it("go by themselves when a gateway stops and nothing is left to anchor", async () => {
    const fourth = channels[3] as TestChannel;
    await life.issue(fourth, 1);
    await anchorNext();
    expect((await claimedOf(fourth)) < 2n * PRICE).to.equal(true);
    await bring(fourth, 2n * PRICE);
    await life.claiming.flush();
    expect(await claimedOf(fourth)).to.equal(2n * PRICE);
    await life.claiming.flush();
    expect(life.events.filter(({ kind }) => kind === "claimed")).to.have.lengthOf(1);
  });
});
