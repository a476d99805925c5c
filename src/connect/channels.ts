import type { Address, Hex } from "viem";
import { type ChannelStatus, channelOf, encodeClose, encodeFund, encodeStartExit } from "../chain/channels.ts";
import { chainTime, type SigningChain } from "../chain/clients.ts";
import { encodeApprove, tokenAllowanceOf } from "../chain/token.ts";
import { ApiError } from "../protocol/apiError.ts";
import { type Channel, channelId } from "../protocol/channel.ts";
import { formatOpg } from "../protocol/units.ts";
import type { Relayer } from "../relayer/relayer.ts";
import { voucherDomainOf } from "../sdk/channels.ts";
import type { PaidCallTable } from "../store/paidCalls.ts";

/** An open channel and what it has taken in. */
export type OpenChannel = {
  channelId: Hex;
  channel: Channel;
  /** Claimed part included, OPG base units. */
  deposited: bigint;
  /** When this process has put something in last, ms of `performance.now()`. */
  fundedAtMs: number | undefined;
};

export type Channels = {
  /** The channel toward an operator, as it was when it was last looked at; undefined: there is none. */
  of(operatorId: number): Promise<OpenChannel | undefined>;
  /**
   * Sees that the channel holds enough for one more call: opens it or tops it up, inside the budget.
   * @throws ApiError 402 `budget_exhausted`, 503 `channel_exiting`; ProtocolError `contract/…`, `chain/…`
   */
  extend(operatorId: number, cap: bigint): Promise<OpenChannel>;
  /** Reads the channel from the chain again at its next use. */
  forget(operatorId: number): void;
  /** What the open channels have taken in, OPG base units. */
  held(): Promise<bigint>;
  /** Begins the exit of all channels, and closes those whose time has passed. @returns those that are still open */
  closeAll(): Promise<Channel[]>;
};

export type ChannelsOptions = {
  chain: SigningChain;
  relayer: Relayer;
  paid: PaidCallTable;
  voucherKey: Address;
  /** What open channels of this key may have taken in together, OPG base units. */
  budget: bigint;
  /** Put in at a time, where the budget allows, OPG base units. */
  deposit: bigint;
};

type Known = ChannelStatus & { fundedAtMs?: number };

const DEADLINE_SECONDS = 3_600;

/** The payer's channels toward operators; all transactions go through the outbox, one funding at a time. */
export function createChannels(options: ChannelsOptions): Channels {
  const { chain, relayer, paid, voucherKey } = options;
  const payer = chain.account.address;
  const known = new Map<number, Known>();
  let lastTurn: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = lastTurn.then(work, work);
    lastTurn = turn;
    return turn;
  }

  const partiesOf = (operatorId: number) => ({ payer, operatorId, voucherKey });

  async function read(operatorId: number): Promise<Known> {
    const status: Known = await channelOf(chain, partiesOf(operatorId));
    const fundedAtMs = known.get(operatorId)?.fundedAtMs;
    const fresh = fundedAtMs === undefined ? status : { ...status, fundedAtMs };
    if (status.deposited > 0n) {
      const channel = { ...partiesOf(operatorId), opening: status.opening };
      await paid.openChannel(channelId(channel, voucherDomainOf(chain)), channel, status.claimed);
    }
    known.set(operatorId, fresh);
    return fresh;
  }

  function toOpen(operatorId: number, { opening, deposited, exitsAt, fundedAtMs }: Known): OpenChannel | undefined {
    if (deposited === 0n) return undefined;
    if (exitsAt !== 0) throw exiting(operatorId);
    const channel = { ...partiesOf(operatorId), opening };
    return { channelId: channelId(channel, voucherDomainOf(chain)), channel, deposited, fundedAtMs };
  }

  async function of(operatorId: number): Promise<OpenChannel | undefined> {
    return toOpen(operatorId, known.get(operatorId) ?? (await read(operatorId)));
  }

  async function statuses(): Promise<Map<number, Known>> {
    const used = (await paid.channels()).filter((channel) => channel.voucherKey === voucherKey);
    for (const { operatorId } of used) if (!known.has(operatorId)) await read(operatorId);
    return known;
  }

  async function held(): Promise<bigint> {
    return [...(await statuses()).values()].reduce((sum, { deposited }) => sum + deposited, 0n);
  }

  async function extend(operatorId: number, cap: bigint): Promise<OpenChannel> {
    const status = await read(operatorId);
    const open = toOpen(operatorId, status);
    const account = open && (await paid.account(open.channelId));
    const wanted = account === undefined ? cap : account.owed + account.uncertain + cap;
    if (open !== undefined && wanted <= open.deposited) return open;
    const room = options.budget - (await held());
    const missing = wanted - status.deposited;
    if (missing > room) throw exhausted(missing, room, options.budget);
    const amount = smaller(larger(missing, options.deposit), room);
    await fund(operatorId, open === undefined ? status.opening + 1 : status.opening, status.deposited, amount);
    known.set(operatorId, { ...(await read(operatorId)), fundedAtMs: performance.now() });
    const funded = await of(operatorId);
    if (funded === undefined) throw exiting(operatorId);
    return funded;
  }

  async function fund(operatorId: number, opening: number, deposited: bigint, amount: bigint): Promise<void> {
    const { addresses } = chain;
    const totalDeposited = deposited + amount;
    const purpose = `fund ${operatorId} ${voucherKey} ${opening} ${totalDeposited}`;
    const allowance = await tokenAllowanceOf(chain, payer, addresses.vouchers);
    if (allowance < amount) {
      await relayer.submit(`approve ${allowance} for ${purpose}`, encodeApprove(addresses, addresses.vouchers, amount));
    }
    const deadline = BigInt((await chainTime(chain)) + DEADLINE_SECONDS);
    // To a total, not by an amount: sent twice it is refused instead of paid twice.
    await relayer.submit(
      purpose,
      encodeFund(addresses, { ...partiesOf(operatorId), opening, totalDeposited, deadline }),
    );
  }

  async function leave(operatorId: number): Promise<void> {
    const { addresses } = chain;
    const { opening, deposited, exitsAt } = await read(operatorId);
    const parties = partiesOf(operatorId);
    const name = `${operatorId} ${voucherKey} ${opening}`;
    if (deposited === 0n) return;
    if (exitsAt === 0) await relayer.submit(`exit ${name}`, encodeStartExit(addresses, parties));
    else if ((await chainTime(chain)) >= exitsAt)
      await relayer.submit(`close ${name}`, encodeClose(addresses, parties));
    await read(operatorId);
  }

  return {
    of,
    extend: (operatorId, cap) => inTurn(() => extend(operatorId, cap)),
    forget: (operatorId) => void known.delete(operatorId),
    held,
    closeAll: () =>
      inTurn(async () => {
        for (const operatorId of [...(await statuses()).keys()]) await leave(operatorId);
        const open = [...(await statuses())].filter(([, { deposited }]) => deposited > 0n);
        return open.map(([operatorId, { opening }]) => ({ ...partiesOf(operatorId), opening }));
      }),
  };
}

function exhausted(missing: bigint, room: bigint, budget: bigint): ApiError {
  return new ApiError(
    `this call needs ${formatOpg(missing)} OPG more in its channel, the budget of ${formatOpg(budget)} OPG leaves ` +
      `${formatOpg(room > 0n ? room : 0n)}: raise the budget, close a channel, or ask with a lower x-opg-max-price`,
    { status: 402, type: "insufficient_quota", code: "budget_exhausted" },
  );
}

function exiting(operatorId: number): ApiError {
  return new ApiError(
    `the channel toward operator ${operatorId} is on its way out: close it once its time has passed, then ask again`,
    { status: 503, type: "server_error", code: "channel_exiting" },
  );
}

const smaller = (a: bigint, b: bigint) => (a < b ? a : b);
const larger = (a: bigint, b: bigint) => (a > b ? a : b);
