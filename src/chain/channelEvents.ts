import type { Address, GetLogsReturnType, Hex } from "viem";
import { getLogs } from "viem/actions";
import type { Channel } from "../protocol/channel.ts";
import { voucherEscrowAbi } from "./abi/voucherEscrow.ts";
import type { VouchersChain } from "./channels.ts";
import { type BlockRange, type LogPlace, placeOf } from "./contractCall.ts";
import { readLogs } from "./logRanges.ts";

/** What happened to a channel. Amounts are OPG base units. */
export type ChannelEvent = { channelId: Hex; place: LogPlace } & (
  | ({ kind: "opened" } & Channel)
  | { kind: "funded"; amount: bigint; totalDeposited: bigint }
  /** Unix seconds. */
  | { kind: "exiting"; exitsAt: bigint }
  | { kind: "closed"; returned: bigint; claimed: bigint }
);

/** What came of an operator's vouchers. `index` is the voucher's in its batch; amounts are OPG base units. */
export type ClaimEvent = { operatorId: number; place: LogPlace } & (
  | { kind: "claimed"; amount: bigint }
  | { kind: "skipped"; payer: Address; index: bigint; reason: SkipReason }
  | { kind: "partlyPaid"; payer: Address; index: bigint; unpaid: bigint }
);

/** Why a voucher of a batch paid nothing. */
export type SkipReason = (typeof SKIP_REASONS)[number];

const SKIP_REASONS = ["no-channel", "other-opening", "nothing-due"] as const;

type EventOf<Name extends string> = Extract<(typeof voucherEscrowAbi)[number], { type: "event"; name: Name }>;

const eventsNamed = <const Name extends string>(names: readonly Name[]) =>
  voucherEscrowAbi.filter(
    (item): item is EventOf<Name> => item.type === "event" && names.some((it) => it === item.name),
  );

const CHANNEL_EVENTS = eventsNamed(["ChannelOpened", "ChannelFunded", "ChannelExiting", "ChannelClosed"]);
const CLAIM_EVENTS = eventsNamed(["VouchersClaimed", "VoucherSkipped", "VoucherPartlyPaid"]);

type LogOf<Events extends typeof CHANNEL_EVENTS | typeof CLAIM_EVENTS> = GetLogsReturnType<
  undefined,
  Events,
  true,
  bigint,
  bigint | "latest"
>[number];

/** What happened to channels, oldest first; to one only, when given. */
export async function channelEvents(
  chain: VouchersChain,
  { channelId, ...wanted }: BlockRange & { channelId?: Hex },
): Promise<ChannelEvent[]> {
  const { publicClient, addresses } = chain;
  const logs = await readLogs(chain, wanted, (range) =>
    getLogs(publicClient, { address: addresses.vouchers, events: CHANNEL_EVENTS, strict: true, ...range }),
  );
  return logs.map(toChannelEvent).filter((event) => channelId === undefined || event.channelId === channelId);
}

/** What came of vouchers, oldest first; of one operator's only, when given. */
export async function claimEvents(
  chain: VouchersChain,
  { operatorId, ...wanted }: BlockRange & { operatorId?: number },
): Promise<ClaimEvent[]> {
  const { publicClient, addresses } = chain;
  const logs = await readLogs(chain, wanted, (range) =>
    getLogs(publicClient, { address: addresses.vouchers, events: CLAIM_EVENTS, strict: true, ...range }),
  );
  return logs.map(toClaimEvent).filter((event) => operatorId === undefined || event.operatorId === operatorId);
}

function toChannelEvent(log: LogOf<typeof CHANNEL_EVENTS>): ChannelEvent {
  const place = placeOf(log);
  switch (log.eventName) {
    case "ChannelOpened":
      return { kind: "opened", place, ...log.args };
    case "ChannelFunded":
      return { kind: "funded", place, ...log.args };
    case "ChannelExiting":
      return { kind: "exiting", place, ...log.args };
    case "ChannelClosed":
      return { kind: "closed", place, ...log.args };
  }
}

function toClaimEvent(log: LogOf<typeof CLAIM_EVENTS>): ClaimEvent {
  const place = placeOf(log);
  switch (log.eventName) {
    case "VouchersClaimed":
      return { kind: "claimed", place, ...log.args };
    case "VoucherSkipped":
      return { kind: "skipped", place, ...log.args, reason: SKIP_REASONS[log.args.reason] ?? "no-channel" };
    case "VoucherPartlyPaid":
      return { kind: "partlyPaid", place, ...log.args };
  }
}
