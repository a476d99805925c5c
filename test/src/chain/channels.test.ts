import { expect } from "chai";
import { concat, maxUint256, parseSignature } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { channelEvents, claimEvents } from "../../../src/chain/channelEvents.ts";
import {
  areChannelsPaused,
  callEarningsOf,
  channelOf,
  encodeClaim,
  encodeClose,
  encodeFund,
  encodeFundWithSignature,
  encodeStartExit,
  exitSecondsOf,
} from "../../../src/chain/channels.ts";
import { type ChannelVoucher, CLAIM_LIMITS, planClaims } from "../../../src/chain/planClaims.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeApprove, encodeTokenTransfer, tokenBalanceOf } from "../../../src/chain/token.ts";
import { type Channel, channelId, fundingTypedData } from "../../../src/protocol/channel.ts";
import { packVouchers } from "../../../src/protocol/voucher.ts";
import { type CallsChain, type CallsNetwork, EXIT_SECONDS, startCallsNetwork } from "../../support/callsNetwork.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { keyOf, signVoucher } from "../../support/statements.ts";

const DEADLINE = maxUint256;
const ALL = { fromBlock: 0n, toBlock: "latest" } as const;

describe("channels on a chain", () => {
  let callsNetwork: CallsNetwork;
  let payer: CallsChain;
  let operatorId: number;
  let domain: { chainId: number; vouchers: `0x${string}` };

  const channelOfKey = (name: string): Channel => {
    const voucherKey = privateKeyToAccount(keyOf(name)).address;
    return { payer: payer.account.address, operatorId, voucherKey, opening: 1 };
  };
  const open = (channel: Channel, totalDeposited: bigint) =>
    sendCall(payer, encodeFund(payer.addresses, { ...channel, totalDeposited, deadline: DEADLINE }));
  const promise = async (name: string, channel: Channel, cumulativeAmount: bigint): Promise<ChannelVoucher> => {
    const { voucherKey, ...rest } = channel;
    const signed = await signVoucher(
      { ...rest, cumulativeAmount },
      { key: privateKeyToAccount(keyOf(name)), domain: domain as never },
    );
    return { ...signed, voucherKey };
  };

  before(async () => {
    callsNetwork = await startCallsNetwork();
    operatorId = callsNetwork.operatorId;
    payer = callsNetwork.connectAs(1);
    domain = { chainId: payer.chainId, vouchers: payer.addresses.vouchers };
    await sendCall(callsNetwork.connectAs(0), encodeTokenTransfer(payer.addresses, payer.account.address, 10n ** 24n));
    await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.vouchers, maxUint256));
  });

  it("open, are topped up, pay, exit and close; the chain's own events tell it", async () => {
    const channel = channelOfKey("life");
    const id = channelId(channel, domain);
    expect(await channelOf(payer, channel)).to.deep.equal({ opening: 0, deposited: 0n, claimed: 0n, exitsAt: 0 });
    await open(channel, 1_000n);
    await open(channel, 1_500n);
    const voucher = await promise("life", channel, 600n);
    await sendCall(callsNetwork.connectAs(2), encodeClaim(payer.addresses, operatorId, packVouchers([voucher])));
    expect(await channelOf(payer, channel)).to.deep.equal({ opening: 1, deposited: 1_500n, claimed: 600n, exitsAt: 0 });
    expect(await callEarningsOf(payer, operatorId)).to.equal(600n);

    await sendCall(payer, encodeStartExit(payer.addresses, channel));
    const { exitsAt } = await channelOf(payer, channel);
    const error = await expectProtocolError("contract/StillExiting", () =>
      sendCall(payer, encodeClose(payer.addresses, channel)),
    );
    expect([error.isRetryable, error.message.includes("once the exit's time has passed")]).to.deep.equal([true, true]);
    await callsNetwork.elapse(EXIT_SECONDS);
    const before = await tokenBalanceOf(payer, payer.account.address);
    await sendCall(payer, encodeClose(payer.addresses, channel));
    expect((await tokenBalanceOf(payer, payer.account.address)) - before).to.equal(900n);

    const events = (await channelEvents(payer, { ...ALL, channelId: id })).map(({ place: _, ...event }) => event);
    expect(events).to.deep.equal([
      { kind: "opened", channelId: id, ...channel },
      { kind: "funded", channelId: id, amount: 1_000n, totalDeposited: 1_000n },
      { kind: "funded", channelId: id, amount: 500n, totalDeposited: 1_500n },
      { kind: "exiting", channelId: id, exitsAt: BigInt(exitsAt) },
      { kind: "closed", channelId: id, returned: 900n, claimed: 600n },
    ]);
    expect(await channelEvents(payer, { ...ALL, channelId: `0x${"00".repeat(32)}` })).to.deep.equal([]);
  });

  it("are funded by somebody else with the payer's signature, with a permit or without", async () => {
    const { payer: account, operatorId: of, voucherKey, opening } = channelOfKey("relayed");
    const relayer = callsNetwork.connectAs(3);
    const fund = async (totalDeposited: bigint, permit?: Parameters<typeof encodeFundWithSignature>[3]) => {
      const funding = { payer: account, operatorId: of, voucherKey, opening, totalDeposited, deadline: DEADLINE };
      const signature = await payer.walletClient.signTypedData(fundingTypedData(funding, domain));
      return sendCall(relayer, encodeFundWithSignature(payer.addresses, funding, signature, permit));
    };
    await fund(5n);
    await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.vouchers, 0n));
    const permit = await permitOf(10n, 0n);
    await fund(15n, permit);
    await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.vouchers, 0n));
    const own = { payer: account, operatorId: of, voucherKey, opening, totalDeposited: 20n, deadline: DEADLINE };
    await sendCall(payer, encodeFund(payer.addresses, own, await permitOf(5n, 1n)));
    expect((await channelOf(payer, own)).deposited).to.equal(20n);
    await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.vouchers, maxUint256));
    await expectProtocolError("contract/InvalidSignature", () =>
      sendCall(
        relayer,
        encodeFundWithSignature(payer.addresses, { ...own, totalDeposited: 30n }, `0x${"11".repeat(65)}`),
      ),
    );
  });

  async function permitOf(value: bigint, nonce: bigint) {
    const signature = await payer.walletClient.signTypedData({
      domain: { name: "OpenGradient", version: "1", chainId: payer.chainId, verifyingContract: payer.addresses.opg },
      types: {
        Permit: [
          { name: "owner", type: "address" },
          { name: "spender", type: "address" },
          { name: "value", type: "uint256" },
          { name: "nonce", type: "uint256" },
          { name: "deadline", type: "uint256" },
        ],
      },
      primaryType: "Permit",
      message: {
        ...{ owner: payer.account.address, spender: payer.addresses.vouchers, value, nonce },
        deadline: DEADLINE,
      },
    });
    const { r, s, v } = parseSignature(signature);
    return { value, deadline: DEADLINE, v: Number(v), r, s };
  }

  it("say what to do when they refuse", async () => {
    const channel = channelOfKey("refused");
    const fund =
      (change: Partial<Channel & { totalDeposited: bigint; deadline: bigint }>, from = payer) =>
      () =>
        sendCall(from, encodeFund(from.addresses, { ...channel, totalDeposited: 9n, deadline: DEADLINE, ...change }));
    await expectProtocolError("contract/WrongOpening", fund({ opening: 2 }));
    await expectProtocolError("contract/FundingExpired", fund({ deadline: 1n }));
    await expectProtocolError("contract/UnknownOperator", fund({ operatorId: 99 }));
    await expectProtocolError("contract/NotPayer", fund({}, callsNetwork.connectAs(2)));
    await fund({})();
    const error = await expectProtocolError("contract/AlreadyFunded", fund({}));
    expect(error.message).to.include("sign a higher total");
    await expectProtocolError("contract/ChannelNotExiting", () =>
      sendCall(payer, encodeClose(payer.addresses, channel)),
    );
    await expectProtocolError("contract/ChannelNotOpen", () =>
      sendCall(payer, encodeStartExit(payer.addresses, channelOfKey("never opened"))),
    );
    await expectProtocolError("contract/BatchMalformed", () =>
      sendCall(payer, encodeClaim(payer.addresses, operatorId, "0x00")),
    );
  });

  it("have terms to read", async () => {
    expect(await exitSecondsOf(payer)).to.equal(EXIT_SECONDS);
    expect(await areChannelsPaused(payer)).to.equal(false);
  });

  describe("a plan of claims", () => {
    const names = Array.from({ length: 40 }, (_, index) => `planned ${index}`);
    let vouchers: ChannelVoucher[];

    const statuses = () => Promise.all(vouchers.map((it) => channelOf(payer, { ...it.voucher, ...it })));

    before(async () => {
      vouchers = [];
      for (const [index, name] of names.entries()) {
        const channel = channelOfKey(name);
        await open(channel, 1_000n);
        // Every second one promises more than there is: the dearest kind.
        vouchers.push(await promise(name, channel, index % 2 === 0 ? 2_000n + BigInt(index) : 500n + BigInt(index)));
      }
    });

    it("stays below its gas, pays what it says, and planned anew has only what is left", async () => {
      const limits = { maxGas: CLAIM_LIMITS.baseGas + 16n * CLAIM_LIMITS.gasPerVoucher };
      const plan = planClaims(vouchers, await statuses(), limits);
      expect(plan.batches.map(({ vouchers: { length } }) => length)).to.deep.equal([16, 16, 8]);
      expect(plan.dropped).to.deep.equal([]);
      const before = await callEarningsOf(payer, operatorId);
      let [claimed, fromBlock] = [0n, undefined as bigint | undefined];
      for (const batch of plan.batches.slice(0, 2)) {
        const txReceipt = await sendCall(payer, encodeClaim(payer.addresses, operatorId, batch.packed));
        fromBlock ??= txReceipt.blockNumber;
        expect(Number(txReceipt.gasUsed)).to.be.below(Number(batch.gas));
        expect(Number(batch.gas)).to.be.below(Number(txReceipt.gasUsed) * 2);
        claimed += batch.amount;
      }
      expect((await callEarningsOf(payer, operatorId)) - before).to.equal(claimed);

      const rest = planClaims(vouchers, await statuses(), limits);
      expect(rest.batches.map(({ packed }) => packed)).to.deep.equal([plan.batches[2]?.packed]);
      expect(rest.dropped.map(({ reason }) => reason)).to.deep.equal(Array(32).fill("nothing-due"));
      await sendCall(payer, encodeClaim(payer.addresses, operatorId, rest.batches[0]?.packed ?? "0x"));
      expect(planClaims(vouchers, await statuses()).batches).to.deep.equal([]);

      const events = await claimEvents(payer, { fromBlock: fromBlock ?? 0n, toBlock: "latest", operatorId });
      const kinds = Map.groupBy(events, ({ kind }) => kind);
      expect([kinds.get("claimed")?.length, kinds.get("partlyPaid")?.length, kinds.get("skipped")]).to.deep.equal([
        3,
        20,
        undefined,
      ]);
      expect(await claimEvents(payer, { ...ALL, operatorId: 99 })).to.deep.equal([]);
    });

    it("drops exactly what the contract would skip, for the same reason", async () => {
      const [name] = names as [string];
      const channel = channelOfKey(name);
      const given = [
        vouchers[0] as ChannelVoucher,
        await promise(name, { ...channel, opening: 2 }, 5_000n),
        await promise("nobody", channelOfKey("nobody"), 5n),
      ];
      const now = await Promise.all(given.map((it) => channelOf(payer, { ...it.voucher, ...it })));
      const plan = planClaims(given, now);
      const packed = concat(given.map((it) => packVouchers([it])));
      const { blockNumber } = await sendCall(payer, encodeClaim(payer.addresses, operatorId, packed));
      const events = await claimEvents(payer, { fromBlock: blockNumber, toBlock: blockNumber });
      const skipped = events.flatMap((event) => (event.kind === "skipped" ? [event.reason] : []));
      expect(skipped).to.deep.equal(["nothing-due", "other-opening", "no-channel"]);
      expect(plan.dropped.map(({ reason }) => reason)).to.deep.equal(skipped);
      expect(plan.batches).to.deep.equal([]);
    });
  });
});
