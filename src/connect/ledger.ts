import type { Hex } from "viem";
import type { LocalKey } from "../chain/localKey.ts";
import { ApiError } from "../protocol/apiError.ts";
import type { VoucherDomain } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type SignedVoucher, voucherDigest } from "../protocol/voucher.ts";
import type { BegunCall, NewPaidCall, PaidCallTable } from "../store/paidCalls.ts";
import type { Channels, OpenChannel } from "./channels.ts";

export type LedgerOptions = {
  paid: PaidCallTable;
  channels: Channels;
  voucherKey: LocalKey;
  domain: VoucherDomain;
  /** Calls under way; all others whose end isn't known are lost. */
  live: ReadonlySet<Hex>;
  /** What lost calls may promise an operator, but for a few; OPG base units. */
  lostAtMost: bigint;
};

/** A call that is written down, and the voucher that pays it. */
export type PromisedCall = { channel: OpenChannel; voucher: SignedVoucher } & Pick<BegunCall, "owedBefore" | "isAlone">;

/** What this local end promises to operators. */
export type Ledger = {
  /**
   * Writes a call down and signs the voucher that covers it: all that is owed, every call whose end isn't known, and this one.
   * @throws ApiError 402 `budget_exhausted`, 503 `channel_exiting`, `unresolved_calls`; ProtocolError `chain/…`
   */
  promise(call: Omit<NewPaidCall, "channelId" | "deposited">): Promise<PromisedCall>;
  /** A voucher for what is owed and not a unit more; undefined while there is a call whose end isn't known, or nothing owed. */
  exactVoucher(channel: OpenChannel): Promise<SignedVoucher | undefined>;
};

/** Each try tops the channel up; others may have been faster to use what came. */
const TRIES = 100;

export function createLedger({ paid, channels, voucherKey, domain, live, lostAtMost }: LedgerOptions): Ledger {
  async function sign({ channel }: OpenChannel, cumulativeAmount: bigint): Promise<SignedVoucher> {
    const { payer, operatorId, opening } = channel;
    const voucher = { payer, operatorId, opening, cumulativeAmount };
    return { voucher, signature: await voucherKey.sign({ hash: voucherDigest(voucher, domain) }) };
  }

  return {
    async promise(call) {
      const { operatorId, cap } = call;
      let channel = (await channels.of(operatorId)) ?? (await channels.extend(operatorId, cap));
      for (let tries = 1; ; tries++) {
        const { channelId, deposited } = channel;
        const lost = { live, amount: lostAtMost };
        const begun = await paid.begin({ ...call, channelId, deposited }, lost).catch(whenTooSmall);
        if (begun !== undefined) {
          const { amount, ...rest } = begun;
          return { channel, voucher: await sign(channel, amount), ...rest };
        }
        if (tries === TRIES) throw tooBusy(operatorId);
        channel = await channels.extend(operatorId, cap);
      }
    },
    async exactVoucher(channel) {
      const { owed, uncertain } = await paid.account(channel.channelId);
      return uncertain > 0n || owed === 0n ? undefined : await sign(channel, owed);
    },
  };
}

function whenTooSmall(error: unknown): undefined {
  if (error instanceof ProtocolError && error.code === "paid/channel-too-small") return undefined;
  if (error instanceof ProtocolError && error.code === "paid/too-many-lost") throw unresolved(error);
  throw error;
}

function unresolved(cause: ProtocolError): ApiError {
  return new ApiError(cause.message, { status: 503, type: "server_error", code: "unresolved_calls", cause });
}

function tooBusy(operatorId: number): ProtocolError {
  return new ProtocolError(
    "connect/channel-busy",
    `${TRIES} top-ups of the channel toward operator ${operatorId} were used up by other calls: deposit more at a time`,
    { isRetryable: true },
  );
}
