import type { Address, Hex } from "viem";
import type { ChannelStatus } from "../chain/channels.ts";
import type { ChannelVoucher } from "../chain/planClaims.ts";
import type { SignedVoucher } from "../protocol/voucher.ts";
import type { Database, Row } from "./database.ts";
import { fromJson } from "./json.ts";

/** A channel that has something to claim. */
export type DueChannel = {
  channelId: Hex;
  /** The due one; of an exiting channel, the highest, if the due one doesn't cover what is owed. */
  voucher: ChannelVoucher;
  /** Unix seconds; zero: the payer stays. */
  exitsAt: number;
};

/** What the chain was seen to say of a channel that is open. Amounts are OPG base units. */
export type ChannelNews = Partial<Pick<ChannelStatus, "deposited" | "claimed" | "exitsAt">>;

/** What the channels of a gateway have to be claimed, and what the chain was last seen to say of them. */
export type ClaimTable = {
  /**
   * Channels on their way out first, then the highest amounts.
   * @param minAmount of channels whose payers stay, OPG base units
   */
  due(limit: number, minAmount: bigint): Promise<DueChannel[]>;
  /** Channels on their way out that have something to claim, the soonest first. */
  exiting(limit: number): Promise<DueChannel[]>;
  /** Takes news down; what it took down before isn't undone by what is older. Channels without calls aren't kept. */
  note(channelId: Hex, news: ChannelNews): Promise<void>;
  /** Nothing more can come of the channel. */
  closed(channelId: Hex): Promise<void>;
};

/** What can be claimed of a channel by what voucher, if it is more than what was claimed. */
const CLAIMABLE = `select channel_id, voucher_key, exits_at, claimed,
  case when takes_highest then voucher else due_voucher end as voucher,
  least(case when takes_highest then voucher_amount else due_amount end, deposited) as total
from (select *, exits_at > 0 and due_amount < owed and voucher_amount > due_amount as takes_highest
  from channels where not is_closed and voucher_key is not null) as open`;
const COLUMNS = "channel_id, voucher_key, exits_at, voucher";

/** The table of what is to be claimed. */
export function createClaimTable({ query }: Database): ClaimTable {
  return {
    async due(limit, minAmount) {
      const rows = await query(
        `select ${COLUMNS} from (${CLAIMABLE}) as claimable
         where total > claimed and (exits_at > 0 or total - claimed >= $2::numeric)
         order by exits_at = 0, exits_at, total - claimed desc, channel_id limit $1`,
        [limit, String(minAmount)],
      );
      return rows.map(toDue);
    },
    async exiting(limit) {
      const rows = await query(
        `select ${COLUMNS} from (${CLAIMABLE}) as claimable where exits_at > 0 and total > claimed
         order by exits_at, channel_id limit $1`,
        [limit],
      );
      return rows.map(toDue);
    },
    async note(channelId, { deposited, claimed, exitsAt }) {
      await query(
        `update channels set deposited = greatest(deposited, $2::numeric), claimed = greatest(claimed, $3::numeric),
           exits_at = greatest(exits_at, $4::bigint) where channel_id = $1`,
        [channelId, deposited?.toString() ?? null, claimed?.toString() ?? null, exitsAt ?? null],
      );
    },
    async closed(channelId) {
      await query("update channels set is_closed = true where channel_id = $1", [channelId]);
    },
  };
}

function toDue(row: Row): DueChannel {
  const voucher = fromJson(row.voucher) as SignedVoucher;
  return {
    channelId: row.channel_id as Hex,
    voucher: { ...voucher, voucherKey: row.voucher_key as Address },
    exitsAt: Number(row.exits_at),
  };
}
