import type { Address, Hex, TransactionReceipt } from "viem";
import { channelEvents } from "../chain/channelEvents.ts";
import {
  type ChannelParties,
  type ChannelStatus,
  channelOf,
  encodeClose,
  encodeFund,
  encodeStartExit,
} from "../chain/channels.ts";
import { type Chain, chainTime, type SigningChain, signing } from "../chain/clients.ts";
import { sendCall } from "../chain/sendCall.ts";
import { encodeApprove, tokenAllowanceOf, tokenBalanceOf } from "../chain/token.ts";
import { type Channel, channelId } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { formatOpg } from "../protocol/units.ts";

/** `none`: never opened, or closed; `closable`: the exit's time has passed. */
export type ChannelState = "none" | "open" | "exiting" | "closable";

/** A channel as it stands. Amounts are OPG base units. */
export type ChannelView = Channel &
  ChannelStatus & {
    /** Of the channel that is open, or of the last that was; undefined: the three have opened none. */
    channelId: Hex | undefined;
    state: ChannelState;
    /** What hasn't been claimed. */
    remaining: bigint;
  };

export type FundChannelOptions = {
  operatorId: number;
  /** The plain key that will sign vouchers; the connection's own account unless told. */
  voucherKey?: Address;
  /** OPG base units. */
  amount: bigint;
  onProgress?: (progress: { call: string }) => void;
};

export type FundedChannel = { channel: ChannelView; txReceipts: TransactionReceipt[] };

/** How long a funding that was signed and not mined may still be, seconds. */
const DEADLINE_SECONDS = 3_600;

/**
 * Opens the connection's channel toward an operator.
 * @throws ProtocolError `sdk/channel-open` when it is open already, `sdk/insufficient-funds`, `chain/no-account`,
 * `contract/UnknownOperator`, `contract/ChannelsPaused`
 */
export async function openChannel(chain: Chain, options: FundChannelOptions): Promise<FundedChannel> {
  const sender = signing(chain);
  const found = await viewOf(sender, options);
  if (found.state !== "none") {
    throw new ProtocolError(
      "sdk/channel-open",
      `the channel toward operator ${found.operatorId} is ${found.state}, with ${formatOpg(found.remaining)} OPG left: ` +
        (found.state === "open" ? "top it up" : "close it before opening another, or use another voucher key"),
    );
  }
  return await fund(sender, found, found.opening + 1, options.amount, options);
}

/**
 * Adds to the connection's open channel.
 * @throws ProtocolError `sdk/channel-not-open` when there is none or it is on its way out, and what {@link openChannel} throws
 */
export async function topUpChannel(chain: Chain, options: FundChannelOptions): Promise<FundedChannel> {
  const sender = signing(chain);
  const found = await viewOf(sender, options);
  if (found.state !== "open") {
    throw new ProtocolError(
      "sdk/channel-not-open",
      `the channel toward operator ${found.operatorId} is ${found.state}: ` +
        (found.state === "none" ? "open one" : "close it, then open another"),
    );
  }
  return await fund(sender, found, found.opening, found.deposited + options.amount, options);
}

/** What leaving a channel has come to. */
export type ChannelExit = {
  channel: ChannelView /** OPG base units paid back. */;
  returned: bigint;
  txReceipts: TransactionReceipt[];
};

/**
 * Leaves a channel: begins the exit where it has not begun, closes the channel where its time has passed, and does nothing in
 * between; to be called again then.
 * @throws ProtocolError `sdk/channel-not-open`, `chain/no-account`, `contract/NotPayer`
 */
export async function leaveChannel(
  chain: Chain,
  { operatorId, voucherKey, payer }: { operatorId: number; voucherKey?: Address; payer?: Address },
): Promise<ChannelExit> {
  const sender = signing(chain);
  const parties = {
    operatorId,
    payer: payer ?? sender.account.address,
    voucherKey: voucherKey ?? sender.account.address,
  };
  const found = await readChannel(chain, parties);
  if (found.state === "none") {
    throw new ProtocolError(
      "sdk/channel-not-open",
      `there is no open channel toward operator ${operatorId}: see its status`,
    );
  }
  const txReceipts: TransactionReceipt[] = [];
  if (found.state === "open") txReceipts.push(await sendCall(sender, encodeStartExit(chain.addresses, parties)));
  if (found.state === "closable") txReceipts.push(await sendCall(sender, encodeClose(chain.addresses, parties)));
  const returned = found.state === "closable" ? found.remaining : 0n;
  return { channel: await readChannel(chain, parties), returned, txReceipts };
}

/** Where a channel stands. */
export async function readChannel(chain: Chain, parties: ChannelParties): Promise<ChannelView> {
  const [status, now] = await Promise.all([channelOf(chain, parties), chainTime(chain)]);
  const channel = { ...parties, ...status };
  return {
    ...channel,
    channelId: status.opening === 0 ? undefined : channelId(channel, voucherDomainOf(chain)),
    state: stateOf(status, now),
    remaining: status.deposited - status.claimed,
  };
}

/** All channels that a payer has ever opened, as they stand; of each operator and key the last one. */
export async function channelsOf(chain: Chain, payer: Address): Promise<ChannelView[]> {
  const range = { fromBlock: BigInt(chain.addresses.deployedAtBlock), toBlock: "latest" } as const;
  const parties = new Map<string, ChannelParties>();
  for (const event of await channelEvents(chain, range)) {
    if (event.kind !== "opened" || event.payer.toLowerCase() !== payer.toLowerCase()) continue;
    const { operatorId, voucherKey } = event;
    parties.set(`${operatorId} ${voucherKey}`, { payer: event.payer, operatorId, voucherKey });
  }
  return await Promise.all([...parties.values()].map((each) => readChannel(chain, each)));
}

/** Under which escrow the chain's channels are. */
export function voucherDomainOf({ chainId, addresses }: Chain): { chainId: number; vouchers: Address } {
  return { chainId, vouchers: addresses.vouchers };
}

function stateOf({ deposited, exitsAt }: ChannelStatus, now: number): ChannelState {
  if (deposited === 0n) return "none";
  if (exitsAt === 0) return "open";
  return now >= exitsAt ? "closable" : "exiting";
}

function viewOf(chain: SigningChain, { operatorId, voucherKey }: FundChannelOptions): Promise<ChannelView> {
  const payer = chain.account.address;
  return readChannel(chain, { payer, operatorId, voucherKey: voucherKey ?? payer });
}

async function fund(
  chain: SigningChain,
  found: ChannelView,
  opening: number,
  totalDeposited: bigint,
  { onProgress }: FundChannelOptions,
): Promise<FundedChannel> {
  const { payer, operatorId, voucherKey, deposited } = found;
  const txReceipts: TransactionReceipt[] = [];
  const send = async (call: Parameters<typeof sendCall>[1]) => {
    onProgress?.({ call: call.name });
    txReceipts.push(await sendCall(chain, call));
  };
  const amount = totalDeposited - deposited;
  const tokens = await tokenBalanceOf(chain, payer);
  if (tokens < amount) {
    throw new ProtocolError(
      "sdk/insufficient-funds",
      `got ${formatOpg(amount)} OPG to put into the channel, ${payer} holds ${formatOpg(tokens)}: get OPG first or put in less`,
    );
  }
  if ((await tokenAllowanceOf(chain, payer, chain.addresses.vouchers)) < amount) {
    await send(encodeApprove(chain.addresses, chain.addresses.vouchers, amount));
  }
  const deadline = BigInt((await chainTime(chain)) + DEADLINE_SECONDS);
  // To a total, not by an amount: sent twice it is refused instead of paid twice.
  await send(encodeFund(chain.addresses, { payer, operatorId, voucherKey, opening, totalDeposited, deadline }));
  return { channel: await readChannel(chain, { payer, operatorId, voucherKey }), txReceipts };
}
