import type { Hex } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { CALL_HEADERS } from "../../../src/protocol/callWire.ts";
import type { VoucherDomain } from "../../../src/protocol/channel.ts";
import { packVouchers, type Voucher, voucherTypedData } from "../../../src/protocol/voucher.ts";
import type { Choices } from "./choices.ts";

type Headers = Record<string, string>;

/** A payer's open channel, with which a call could be paid. */
export type Purse = {
  voucherKey: PrivateKeyAccount;
  domain: VoucherDomain;
  /** All of it promised: any good request that goes with it is answered. */
  voucher: Voucher;
  /** What the channel has taken in, OPG base units. */
  deposited: bigint;
  /** Enough for any of the good bodies. */
  cap: bigint;
  /** The voucher, packed. */
  packed: Hex;
};

export async function createPurse(purse: Omit<Purse, "packed">): Promise<Purse> {
  return { ...purse, packed: await sign(purse, {}) };
}

/** Headers that pay. */
export function goodHeaders({ packed, cap }: Purse, { hex }: Choices): Headers {
  return { [CALL_HEADERS.salt]: hex(32), [CALL_HEADERS.voucher]: packed, [CALL_HEADERS.maxPrice]: String(cap) };
}

/** One header is missing. 402: it isn't paid for. */
export function missingHeader(purse: Purse, choices: Choices): Headers {
  const { [choices.pick(Object.values(NAMES))]: _, ...left } = goodHeaders(purse, choices);
  return left;
}

/** One header has another form. */
export function wrongHeader(purse: Purse, choices: Choices): Headers {
  const { pick, hex, integer } = choices;
  const good = goodHeaders(purse, choices);
  const hexes = [hex(31), hex(33), hex(0), "0x", "", hex(32).slice(2), `0X${"ab".repeat(32)}`, "z".repeat(66), "0x1"];
  const prices = ["-1", "1.5", "1e5", "0x10", "01", "", " 1 2", "9".repeat(30), "NaN", "١٢"];
  const name = pick(Object.values(NAMES));
  const value =
    name === NAMES.maxPrice ? pick(prices) : pick([...hexes, `${good[name]}, ${good[name]}`, hex(integer(100, 300))]);
  return { ...good, [name]: encodeURIComponent(value) === value ? value : value.replaceAll(/[^ -~]/g, "é") };
}

const NAMES = { salt: CALL_HEADERS.salt, voucher: CALL_HEADERS.voucher, maxPrice: CALL_HEADERS.maxPrice };

/** A voucher that pays nothing here. */
export async function wrongVoucher(purse: Purse, choices: Choices): Promise<Headers> {
  const { pick, integer, hex, bytes } = choices;
  const { voucher, domain, deposited, cap, packed } = purse;
  const good = goodHeaders(purse, choices);
  const withVoucher = (value: Hex) => ({ ...good, [CALL_HEADERS.voucher]: value });
  return await pick([
    async () => withVoucher(await sign(purse, { domain: { ...domain, chainId: domain.chainId + integer(1, 9) } })),
    async () => withVoucher(await sign(purse, { domain: { ...domain, vouchers: hex(20) } })),
    async () =>
      withVoucher(await sign(purse, { voucher: { ...voucher, operatorId: voucher.operatorId + integer(1, 9) } })),
    async () => withVoucher(await sign(purse, { voucher: { ...voucher, opening: voucher.opening + integer(1, 9) } })),
    async () => withVoucher(await sign(purse, { voucher: { ...voucher, payer: hex(20) } })),
    async () => withVoucher(await sign(purse, { voucherKey: privateKeyToAccount(`0x01${hex(31).slice(2)}`) })),
    async () => withVoucher(flipped(packed, integer(0, 99 * 8 - 1))),
    async () => withVoucher(`0x${bytes(99).toString("hex")}`),
    async () => ({ ...good, [CALL_HEADERS.maxPrice]: String(deposited + BigInt(integer(1, 1e9))) }),
    async () => {
      const more = deposited + BigInt(integer(1, 1e9));
      const promised = await sign(purse, { voucher: { ...voucher, cumulativeAmount: more } });
      return { ...withVoucher(promised), [CALL_HEADERS.maxPrice]: String(more) };
    },
    async () => ({ ...good, [CALL_HEADERS.maxPrice]: String(cap / 1_000_000n) }),
  ])();
}

async function sign(purse: Omit<Purse, "packed">, more: Partial<Purse>): Promise<Hex> {
  const { voucher, domain, voucherKey } = { ...purse, ...more };
  const signature = await voucherKey.signTypedData(voucherTypedData(voucher, domain));
  const { voucher: written } = purse;
  // In the packed form the operator is whoever reads it.
  return packVouchers([{ voucher: { ...voucher, operatorId: written.operatorId }, signature }]);
}

function flipped(packed: Hex, bit: number): Hex {
  const bytes = Buffer.from(packed.slice(2), "hex");
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return `0x${bytes.toString("hex")}`;
}
