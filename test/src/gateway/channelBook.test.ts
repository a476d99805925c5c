import { expect } from "chai";
import { encodeClaim, encodeClose, encodeFund, encodeStartExit } from "../../../src/chain/channels.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeApprove } from "../../../src/chain/token.ts";
import { createChannelBook } from "../../../src/gateway/channelBook.ts";
import { packVouchers } from "../../../src/protocol/voucher.ts";
import { type CallsChain, type CallsNetwork, EXIT_SECONDS, startCallsNetwork } from "../../support/callsNetwork.ts";
import {
  eventually,
  type GatewayLife,
  openTestChannel,
  startLife,
  type TestChannel,
} from "../../support/gatewayLife.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";

const DEPOSIT = 10n ** 18n;

describe("the gateway's book of channels", function () {
  this.timeout(60_000);
  let network: CallsNetwork;
  let payer: CallsChain;
  let channel: TestChannel;
  let life: GatewayLife;
  let remove: () => Promise<void>;
  let reads: number;

  before(async () => {
    network = await startCallsNetwork();
    payer = network.connectAs(1);
    channel = await openTestChannel(network, 1);
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    life = await startLife(network, temporary.folder);
    await eventually(() => life.book.isFresh());
  });
  after(async () => {
    await life.kill();
    await remove();
  });

  const status = () => life.book.statusOf(channel.channel);

  /** A book over the same chain that counts what it asks of channels. */
  function countingBook(capacity: number) {
    reads = 0;
    const readContract: CallsChain["publicClient"]["readContract"] = (parameters) => {
      reads += 1;
      return payer.publicClient.readContract(parameters);
    };
    const publicClient = Object.create(payer.publicClient, { readContract: { value: readContract } });
    const { claims } = life;
    const logCursors = { nextBlock: async () => 0n, move: async () => {} };
    return createChannelBook({
      chain: { ...payer, publicClient },
      domain: { chainId: payer.chainId, vouchers: payer.addresses.vouchers },
      ...{ operatorId: network.operatorId, store: { claims, logCursors }, watch: life.watch, capacity },
      onError: (error) => life.errors.push(error),
    });
  }

  it("asks the chain once, also when many ask at the same time", async () => {
    const book = countingBook(10);
    const all = await Promise.all(Array.from({ length: 20 }, () => book.statusOf(channel.channel)));
    await book.statusOf(channel.channel);
    expect(new Set(all.map(({ deposited }) => deposited))).to.deep.equal(new Set([DEPOSIT]));
    expect(reads).to.equal(1);
  });

  it("forgets the one that wasn't used for longest, and remembers none that isn't there", async () => {
    const other = await openTestChannel(network, 2);
    const book = countingBook(1);
    await book.statusOf(channel.channel);
    await book.statusOf({ payer: payer.account.address, voucherKey: other.channel.voucherKey });
    await book.statusOf(channel.channel);
    expect(reads).to.equal(2);
    await book.statusOf(other.channel);
    await book.statusOf(channel.channel);
    expect(reads).to.equal(4);
  });

  it("follows top-ups, claims and exits, and what is opened after a close", async () => {
    expect(await status()).to.deep.equal({ opening: 1, deposited: DEPOSIT, claimed: 0n, exitsAt: 0 });
    const owner = network.connectAs(0);
    const fund = (opening: number, totalDeposited: bigint) =>
      sendCall(
        payer,
        encodeFund(payer.addresses, { ...channel.channel, opening, totalDeposited, deadline: 2n ** 40n }),
      );
    const spare = 50n;
    await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.vouchers, DEPOSIT));
    const packed = packVouchers([await channel.sign(spare)]);
    await sendCall(owner, encodeClaim(owner.addresses, network.operatorId, packed));
    await eventually(async () => (await status()).claimed === spare);
    await sendCall(payer, encodeStartExit(payer.addresses, channel.channel));
    await eventually(async () => (await status()).exitsAt > 0);
    await network.elapse(EXIT_SECONDS);
    await sendCall(payer, encodeClose(payer.addresses, channel.channel));
    await eventually(async () => (await status()).deposited === 0n);
    await fund(2, 100n);
    await eventually(async () => (await status()).deposited === 100n);
    await fund(2, 300n);
    await eventually(async () => (await status()).deposited === 300n);
    expect(await status()).to.deep.equal({ opening: 2, deposited: 300n, claimed: 0n, exitsAt: 0 });
    expect(life.errors).to.deep.equal([]);
  });

  it("is stale when the chain doesn't answer, and when its log doesn't", async () => {
    const common = {
      chain: payer,
      domain: { chainId: payer.chainId, vouchers: payer.addresses.vouchers },
      ...{ operatorId: network.operatorId, staleAfterSeconds: 0.05, onError: () => {} },
    };
    const { claims } = life;
    const reading = { claims, logCursors: { nextBlock: async () => 0n, move: async () => {} } };
    const silent = { latest: life.watch.latest, secondsSinceAnswer: () => 0.06 };
    expect(createChannelBook({ ...common, store: reading, watch: silent }).isFresh()).to.equal(false);
    const answering = { latest: life.watch.latest, secondsSinceAnswer: () => 0 };
    const failing = {
      claims,
      logCursors: { ...reading.logCursors, nextBlock: () => Promise.reject(new Error("no log")) },
    };
    const behind = createChannelBook({ ...common, store: failing, watch: answering });
    behind.onBlock(life.watch.latest());
    expect(behind.isFresh()).to.equal(true);
    await eventually(() => !behind.isFresh());
    const book = createChannelBook({ ...common, store: reading, watch: answering });
    book.onBlock(life.watch.latest());
    await book.stop();
    expect(book.isFresh()).to.equal(true);
  });
});
