import type { Address, Hex, TypedDataDomain } from "viem";
import { flatDigest } from "./eip712.ts";

/** A payer's escrowed balance toward one operator: viem's mapping of the struct in `contracts/types/Channel.sol`. */
export type Channel = {
  /** Who funds it, and gets back what isn't claimed. */
  payer: Address;
  /** Who is paid. */
  operatorId: number;
  /** The plain key that signs vouchers, fixed when the channel opens. */
  voucherKey: Address;
  /** How many channels the three above have opened, this one included: never reused. 24 bits. */
  opening: number;
};

/** A payer's consent that somebody else brings its OPG into a channel. */
export type Funding = Channel & {
  /** What the channel will have taken in since it opened, OPG base units. 96 bits. */
  totalDeposited: bigint;
  /** Unix seconds. */
  deadline: bigint;
};

/** Which voucher escrow's channels are meant; a channelId or a voucher is worth nothing under another one. */
export type VoucherDomain = { chainId: number; vouchers: Address };

const CHANNEL_FIELDS = [
  { name: "payer", type: "address" },
  { name: "operatorId", type: "uint32" },
  { name: "voucherKey", type: "address" },
  { name: "opening", type: "uint24" },
] as const;

/** EIP-712 types of a channel. */
export const CHANNEL_TYPES = { Channel: CHANNEL_FIELDS } as const;

/** EIP-712 types of a funding, for `signTypedData` with `primaryType: "Funding"`. */
export const FUNDING_TYPES = {
  Funding: [...CHANNEL_FIELDS, { name: "totalDeposited", type: "uint96" }, { name: "deadline", type: "uint256" }],
} as const;

/** The voucher escrow's EIP-712 domain. */
export function vouchersDomain({ chainId, vouchers }: VoucherDomain): TypedDataDomain {
  return { name: "OpenGradient VoucherEscrow", version: "1", chainId, verifyingContract: vouchers };
}

/** Channels whose ids are remembered: a process has to do with a few, again and again. */
const MAX_IDS = 1_000;
const ids = new Map<string, Hex>();

/** The channelId: the channel's EIP-712 digest. */
export function channelId(channel: Channel, domain: VoucherDomain): Hex {
  const { payer, operatorId, voucherKey, opening } = channel;
  const key = [payer, operatorId, voucherKey, opening, domain.chainId, domain.vouchers].join();
  const known = ids.get(key);
  if (known !== undefined) return known;
  if (ids.size >= MAX_IDS) ids.clear();
  const id = flatDigest(vouchersDomain(domain), "Channel", CHANNEL_FIELDS, channel);
  ids.set(key, id);
  return id;
}

/** What the payer signs, for `VoucherEscrow.fundWithSignature`. */
export function fundingTypedData(funding: Funding, domain: VoucherDomain) {
  return { domain: vouchersDomain(domain), types: FUNDING_TYPES, primaryType: "Funding", message: funding } as const;
}
