import { type Address, concat, getAddress, type Hex, isAddressEqual, numberToHex, size, slice } from "viem";
import { type Channel, type VoucherDomain, vouchersDomain } from "./channel.ts";
import { flatDigest } from "./eip712.ts";
import { ProtocolError } from "./errors.ts";
import { checkSignature, recoverSigner, signatureParts } from "./signature.ts";

/** A payer's cumulative promise: viem's mapping of the struct in `contracts/types/Voucher.sol`. */
export type Voucher = {
  payer: Address;
  operatorId: number;
  /** Of the channel. 24 bits. */
  opening: number;
  /** What the channel owes its operator since it opened, OPG base units. 96 bits. */
  cumulativeAmount: bigint;
};

export type SignedVoucher = {
  voucher: Voucher;
  /** By the channel's `voucherKey`: 65 bytes. */
  signature: Hex;
};

/** EIP-712 types of a voucher, for `signTypedData` with `primaryType: "Voucher"`. */
export const VOUCHER_TYPES = {
  Voucher: [
    { name: "payer", type: "address" },
    { name: "operatorId", type: "uint32" },
    { name: "opening", type: "uint24" },
    { name: "cumulativeAmount", type: "uint96" },
  ],
} as const;

/** Bytes of a voucher in a batch: payer 20 | opening 3 | cumulative amount 12 | r 32 | vs 32 (EIP-2098). */
export const VOUCHER_BYTES = 99;

/** The highest bit of vs: v − 27 (EIP-2098). */
const PARITY_BIT = 1n << 255n;

/** What the voucher key signs. */
export function voucherTypedData(voucher: Voucher, domain: VoucherDomain) {
  return { domain: vouchersDomain(domain), types: VOUCHER_TYPES, primaryType: "Voucher", message: voucher } as const;
}

/** The voucher's EIP-712 digest. */
export function voucherDigest(voucher: Voucher, domain: VoucherDomain): Hex {
  return flatDigest(vouchersDomain(domain), "Voucher", VOUCHER_TYPES.Voucher, voucher);
}

/**
 * Refuses a voucher that promises nothing in this channel, or says that it is for another escrow.
 *
 * @throws ProtocolError `voucher/domain`, `voucher/other-channel`, `voucher/signature`
 */
export async function checkVoucher(
  signed: SignedVoucher & { domain?: VoucherDomain },
  channel: Channel,
  domain: VoucherDomain,
): Promise<void> {
  const { voucher, signature } = signed;
  const { chainId, vouchers } = signed.domain ?? domain;
  if (chainId !== domain.chainId || !isAddressEqual(vouchers, domain.vouchers)) {
    throw new ProtocolError(
      "voucher/domain",
      `the voucher is for ${vouchers} on chain ${chainId}; wanted is ${domain.vouchers} on chain ${domain.chainId}`,
    );
  }
  if (
    !isAddressEqual(voucher.payer, channel.payer) ||
    voucher.operatorId !== channel.operatorId ||
    voucher.opening !== channel.opening
  ) {
    throw new ProtocolError(
      "voucher/other-channel",
      `the voucher is of payer ${voucher.payer}, operator ${voucher.operatorId}, opening ${voucher.opening}; the channel ` +
        `of payer ${channel.payer}, operator ${channel.operatorId}, opening ${channel.opening}: sign one for this channel`,
    );
  }
  await checkSignature(voucherDigest(voucher, domain), signature, channel.voucherKey, "voucher");
}

/** Who has signed a voucher. @throws ProtocolError `voucher/signature` */
export async function voucherSigner({ voucher, signature }: SignedVoucher, domain: VoucherDomain): Promise<Address> {
  return await recoverSigner(voucherDigest(voucher, domain), signature, "voucher");
}

/**
 * Vouchers as `VoucherEscrow.claim` and `ReceiptLog.anchor` take them; all of one operator.
 *
 * @throws ProtocolError `voucher/signature` for a signature that has no form in a batch
 */
export function packVouchers(signed: readonly SignedVoucher[]): Hex {
  return concat(["0x", ...signed.map(packVoucher)]);
}

/**
 * The vouchers of a packed batch. What isn't a signature becomes none: `voucherSigner` refuses it.
 *
 * @throws ProtocolError `voucher/batch-malformed`
 */
export function unpackVouchers(operatorId: number, batch: Hex): SignedVoucher[] {
  const bytes = size(batch);
  if (bytes % VOUCHER_BYTES !== 0) {
    throw new ProtocolError(
      "voucher/batch-malformed",
      `the batch has ${bytes} bytes: give whole vouchers of ${VOUCHER_BYTES} bytes each`,
    );
  }
  return Array.from({ length: bytes / VOUCHER_BYTES }, (_, index) =>
    unpackVoucher(operatorId, slice(batch, index * VOUCHER_BYTES, (index + 1) * VOUCHER_BYTES)),
  );
}

function packVoucher({ voucher, signature }: SignedVoucher): Hex {
  const { r, s, v } = signatureParts(signature, "voucher");
  const vs = v === 28 ? BigInt(s) | PARITY_BIT : BigInt(s);
  return concat([
    voucher.payer.toLowerCase() as Hex,
    numberToHex(voucher.opening, { size: 3 }),
    numberToHex(voucher.cumulativeAmount, { size: 12 }),
    r,
    numberToHex(vs, { size: 32 }),
  ]);
}

function unpackVoucher(operatorId: number, bytes: Hex): SignedVoucher {
  const vs = BigInt(slice(bytes, 67));
  const s = numberToHex(vs & (PARITY_BIT - 1n), { size: 32 });
  return {
    voucher: {
      payer: getAddress(slice(bytes, 0, 20)),
      operatorId,
      opening: Number(slice(bytes, 20, 23)),
      cumulativeAmount: BigInt(slice(bytes, 23, 35)),
    },
    signature: concat([slice(bytes, 35, 67), s, vs < PARITY_BIT ? "0x1b" : "0x1c"]),
  };
}
