import { expect } from "chai";
import { concat, type Hex, size, slice, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { CHANNEL_TYPES, type Channel, channelId, fundingTypedData } from "../../../src/protocol/channel.ts";
import {
  checkVoucher,
  packVouchers,
  type SignedVoucher,
  unpackVouchers,
  VOUCHER_BYTES,
  type Voucher,
  voucherDigest,
  voucherSigner,
} from "../../../src/protocol/voucher.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import {
  CHANNEL,
  keyOf,
  OTHER_ADDRESS,
  PAYER,
  STRANGER,
  signVoucher,
  VOUCHER,
  VOUCHER_DOMAIN,
  VOUCHER_KEY,
  withHighS,
} from "../../support/statements.ts";

describe("a channel", () => {
  it("R1: has an id that every field, the chain and the escrow go into", () => {
    const others: Partial<Channel>[] = [
      { payer: OTHER_ADDRESS },
      { operatorId: 8 },
      { voucherKey: OTHER_ADDRESS },
      { opening: 3 },
    ];
    expect(others.flatMap((other) => Object.keys(other))).to.deep.equal(CHANNEL_TYPES.Channel.map(({ name }) => name));
    const ids = [
      channelId(CHANNEL, VOUCHER_DOMAIN),
      channelId(CHANNEL, { ...VOUCHER_DOMAIN, chainId: 1 }),
      channelId(CHANNEL, { ...VOUCHER_DOMAIN, vouchers: OTHER_ADDRESS }),
      ...others.map((other) => channelId({ ...CHANNEL, ...other }, VOUCHER_DOMAIN)),
    ];
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it("is funded by a signature that no other funding shares", async () => {
    const funding = { ...CHANNEL, totalDeposited: 5n, deadline: 9n };
    const others = [
      funding,
      { ...funding, payer: OTHER_ADDRESS } as const,
      { ...funding, operatorId: 8 },
      { ...funding, voucherKey: OTHER_ADDRESS } as const,
      { ...funding, opening: 3 },
      { ...funding, totalDeposited: 6n },
      { ...funding, deadline: 10n },
    ];
    const signatures = await Promise.all(
      others.map((other) => PAYER.signTypedData(fundingTypedData(other, VOUCHER_DOMAIN))),
    );
    expect(new Set(signatures).size).to.equal(others.length);
  });
});

describe("a voucher", () => {
  let signed: SignedVoucher;

  before(async () => {
    signed = await signVoucher(VOUCHER);
  });

  it("promises something in the channel whose key has signed it", async () => {
    await checkVoucher(signed, CHANNEL, VOUCHER_DOMAIN);
    expect(await voucherSigner(signed, VOUCHER_DOMAIN)).to.equal(VOUCHER_KEY.address);
  });

  it("R1: promises nothing in another channel, under another escrow or on another chain", async () => {
    const others: Partial<Channel>[] = [{ payer: OTHER_ADDRESS }, { operatorId: 8 }, { opening: 3 }];
    for (const other of others) {
      await expectProtocolError("voucher/other-channel", () =>
        checkVoucher(signed, { ...CHANNEL, ...other }, VOUCHER_DOMAIN),
      );
    }
    const domains = [
      { ...VOUCHER_DOMAIN, chainId: 1 },
      { ...VOUCHER_DOMAIN, vouchers: OTHER_ADDRESS },
    ] as const;
    for (const domain of domains) {
      await expectProtocolError("voucher/signature", () => checkVoucher(signed, CHANNEL, domain));
      await expectProtocolError("voucher/domain", () => checkVoucher({ ...signed, domain }, CHANNEL, VOUCHER_DOMAIN));
    }
    await expectProtocolError("voucher/signature", () =>
      checkVoucher(signed, { ...CHANNEL, voucherKey: STRANGER.address }, VOUCHER_DOMAIN),
    );
  });

  it("promises the amount that was signed, no other", async () => {
    const more = { ...signed, voucher: { ...VOUCHER, cumulativeAmount: VOUCHER.cumulativeAmount + 1n } };
    await expectProtocolError("voucher/signature", () => checkVoucher(more, CHANNEL, VOUCHER_DOMAIN));
    expect(await voucherSigner(more, VOUCHER_DOMAIN)).not.to.equal(VOUCHER_KEY.address);
  });

  it("has no signer if its signature isn't what the contract takes", async () => {
    const { voucher, signature } = signed;
    const v = signature.endsWith("1b") ? "00" : "01";
    const bad = [
      withHighS(signature),
      `${signature.slice(0, 130)}${v}`,
      slice(signature, 0, 64),
      `0x${"00".repeat(65)}`,
    ];
    for (const given of bad as Hex[]) {
      await expectProtocolError("voucher/signature", () =>
        voucherSigner({ voucher, signature: given }, VOUCHER_DOMAIN),
      );
    }
  });
});

describe("vouchers in a batch", () => {
  const vouchers = (count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) => {
        const voucher: Voucher = {
          payer: privateKeyToAccount(keyOf(`payer ${index}`)).address,
          operatorId: 7,
          opening: index * 1_000,
          cumulativeAmount: 2n ** BigInt(index * 3),
        };
        return signVoucher(voucher, { key: privateKeyToAccount(keyOf(`voucher key ${index}`)) });
      }),
    );

  it("are 99 bytes each, and come back as they went in", async () => {
    for (const count of [0, 1, 2, 31]) {
      const given = await vouchers(count);
      const batch = packVouchers(given);
      expect(size(batch)).to.equal(count * VOUCHER_BYTES);
      expect(unpackVouchers(7, batch)).to.deep.equal(given);
    }
  });

  it("lie where docs/receipts.md says", async () => {
    const signed = await signVoucher({ ...VOUCHER, opening: 2 ** 24 - 1, cumulativeAmount: 2n ** 96n - 1n });
    const batch = packVouchers([signed]);
    expect(slice(batch, 0, 20)).to.equal(VOUCHER.payer.toLowerCase());
    expect(slice(batch, 20, 23)).to.equal("0xffffff");
    expect(slice(batch, 23, 35)).to.equal(`0x${"ff".repeat(12)}`);
    expect(slice(batch, 35, 67)).to.equal(slice(signed.signature, 0, 32));
    const vs = BigInt(slice(batch, 67, 99));
    expect(vs >> 255n).to.equal(BigInt(slice(signed.signature, 64)) - 27n);
    expect(toHex(vs & (2n ** 255n - 1n), { size: 32 })).to.equal(slice(signed.signature, 32, 64));
  });

  it("that aren't whole are refused", async () => {
    const batch = packVouchers(await vouchers(2));
    for (const bad of [slice(batch, 0, 197), concat([batch, "0x00"]), "0x00"] as const) {
      await expectProtocolError("voucher/batch-malformed", () => unpackVouchers(7, bad));
    }
  });

  it("can be read whatever was put there: a chain takes any bytes", async () => {
    const [good] = (await vouchers(1)) as [SignedVoucher];
    const [zeros, ones] = [`0x${"00".repeat(99)}`, `0x${"ff".repeat(99)}`] as const;
    const read = unpackVouchers(7, concat([zeros, packVouchers([good]), ones]));
    expect(read.map(({ voucher }) => voucher.cumulativeAmount)).to.deep.equal([
      0n,
      good.voucher.cumulativeAmount,
      2n ** 96n - 1n,
    ]);
    expect(read[1]).to.deep.equal(good);
    for (const bad of [read[0], read[2]] as SignedVoucher[]) {
      await expectProtocolError("voucher/signature", () => voucherSigner(bad, VOUCHER_DOMAIN));
    }
  });

  it("that the contract couldn't read as signed aren't packed", async () => {
    const [{ voucher, signature }] = (await vouchers(1)) as [SignedVoucher];
    const v = signature.endsWith("1b") ? "00" : "01";
    for (const bad of [withHighS(signature), slice(signature, 0, 64), `${signature.slice(0, 130)}${v}`] as Hex[]) {
      await expectProtocolError("voucher/signature", () => packVouchers([{ voucher, signature: bad }]));
    }
  });

  it("have a digest that names the operator, though the batch doesn't", async () => {
    const [{ voucher }] = (await vouchers(1)) as [SignedVoucher];
    const digests = [7, 8].map((operatorId) => voucherDigest({ ...voucher, operatorId }, VOUCHER_DOMAIN));
    expect(digests[0]).not.to.equal(digests[1]);
  });
});
