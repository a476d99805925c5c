import { type Address, getAddress, type Hex } from "viem";
import type { VoucherDomain } from "./channel.ts";
import { jsonFields, maxOf } from "./jsonFields.ts";
import type { SignedVoucher, Voucher } from "./voucher.ts";

/** A signed voucher with the domain it is signed for. */
export type PortableVoucher = SignedVoucher & { domain: VoucherDomain };

/** See `docs/receipts.md`. */
export type VoucherJson = {
  chainId: number;
  verifyingContract: Address;
  voucher: Omit<Voucher, "cumulativeAmount"> & { cumulativeAmount: string };
  signature: Hex;
};

/**
 * Reads a signed voucher from its JSON text or from parsed JSON. Nothing is checked but the form: see `checkVoucher`.
 *
 * @throws ProtocolError `voucher/not-json`, `voucher/missing-field`, `voucher/unknown-field`, `voucher/wrong-type`,
 * `voucher/malformed`, `voucher/out-of-range`
 */
export function parseVoucher(source: unknown): PortableVoucher {
  const read = jsonFields("voucher");
  const root = read.object("", read.json(source), ["chainId", "verifyingContract", "voucher", "signature"]);
  const fields = read.object("voucher", root.voucher, ["payer", "operatorId", "opening", "cumulativeAmount"]);
  return {
    domain: {
      chainId: read.number("chainId", root.chainId, Number.MAX_SAFE_INTEGER, 1),
      vouchers: read.address("verifyingContract", root.verifyingContract),
    },
    voucher: {
      payer: read.address("voucher.payer", fields.payer),
      operatorId: read.number("voucher.operatorId", fields.operatorId, maxOf(32)),
      opening: read.number("voucher.opening", fields.opening, maxOf(24)),
      cumulativeAmount: read.decimal("voucher.cumulativeAmount", fields.cumulativeAmount, 96),
    },
    signature: read.bytes("signature", root.signature, 65),
  };
}

/** The voucher as {@link parseVoucher} reads it: for `JSON.stringify`. */
export function voucherToJson({ domain, voucher, signature }: PortableVoucher): VoucherJson {
  const { payer, operatorId, opening, cumulativeAmount } = voucher;
  return {
    chainId: domain.chainId,
    verifyingContract: getAddress(domain.vouchers),
    voucher: { payer: getAddress(payer), operatorId, opening, cumulativeAmount: String(cumulativeAmount) },
    signature,
  };
}
