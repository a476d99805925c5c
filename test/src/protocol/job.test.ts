import { expect } from "chai";
import { recoverTypedDataAddress, zeroAddress, zeroHash } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  escrowDomain,
  JOB_TYPES,
  type Job,
  jobIdOf,
  keyOf,
  nonceOf,
  sequenceOf,
  splitFee,
} from "../../../src/protocol/job.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const ESCROW = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
const JOB: Job = {
  payer: zeroAddress,
  modelId: zeroHash,
  inputHash: zeroHash,
  inputUriHash: zeroHash,
  verifier: zeroAddress,
  verifierData: zeroHash,
  consumer: zeroAddress,
  consumerGasLimit: 0,
  fee: 0n,
  royaltyPpm: 0,
  protocolFeePpm: 0,
  expiresAt: 0,
  nonce: 0n,
};

describe("a job", () => {
  it("has an id that every field, the chain and the escrow go into", () => {
    const domain = { chainId: 31337, escrow: ESCROW } as const;
    const others: Partial<Job>[] = [
      { payer: ESCROW },
      { modelId: `0x${"01".repeat(32)}` },
      { inputHash: `0x${"01".repeat(32)}` },
      { inputUriHash: `0x${"01".repeat(32)}` },
      { verifier: ESCROW },
      { verifierData: `0x${"01".repeat(32)}` },
      { consumer: ESCROW },
      { consumerGasLimit: 1 },
      { fee: 1n },
      { royaltyPpm: 1 },
      { protocolFeePpm: 1 },
      { expiresAt: 1 },
      { nonce: 1n },
    ];
    expect(others.map((other) => Object.keys(other)[0])).to.deep.equal(Object.keys(JOB));
    const ids = [
      jobIdOf(JOB, domain),
      jobIdOf(JOB, { ...domain, chainId: 1 }),
      jobIdOf(JOB, { ...domain, escrow: zeroAddress }),
      ...others.map((other) => jobIdOf({ ...JOB, ...other }, domain)),
    ];
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it("is signed by its payer as EIP-712 typed data", async () => {
    const payer = privateKeyToAccount(`0x${"22".repeat(32)}`);
    const typedData = {
      domain: escrowDomain(31337, ESCROW),
      types: JOB_TYPES,
      primaryType: "Job",
      message: { ...JOB, payer: payer.address },
    } as const;
    const signature = await payer.signTypedData(typedData);
    expect(await recoverTypedDataAddress({ ...typedData, signature })).to.equal(payer.address);
  });

  it("has a nonce of a key and a sequence", async () => {
    const greatest = nonceOf(2n ** 224n - 1n, 2 ** 32 - 1);
    expect(greatest).to.equal(2n ** 256n - 1n);
    expect(keyOf({ nonce: greatest })).to.equal(2n ** 224n - 1n);
    expect(sequenceOf({ nonce: greatest })).to.equal(2 ** 32 - 1);
    expect(nonceOf(7n, 3)).to.equal((7n << 32n) + 3n);
    await expectProtocolError("job/nonce-out-of-range", () => nonceOf(2n ** 224n, 0));
    await expectProtocolError("job/nonce-out-of-range", () => nonceOf(-1n, 0));
    await expectProtocolError("job/nonce-out-of-range", () => nonceOf(0n, 2 ** 32));
    await expectProtocolError("job/nonce-out-of-range", () => nonceOf(0n, 0.5));
  });

  it("M5: earners, royalty and protocol fee add up to the fee, to the last unit", async () => {
    const terms = { royaltyPpm: 333_333, protocolFeePpm: 50_000 };
    for (const fee of [0n, 1n, 2n, 3n, 999_999n, 1_000_001n, 2n ** 128n - 1n]) {
      const { earners, royalty, protocolFee } = splitFee({ fee, ...terms });
      expect(earners + royalty + protocolFee).to.equal(fee);
    }
    expect(splitFee({ fee: 3n, ...terms })).to.deep.equal({ earners: 3n, royalty: 0n, protocolFee: 0n });
    await expectProtocolError("job/parts-exceed-fee", () =>
      splitFee({ fee: 10n ** 18n, royaltyPpm: 1_000_000, protocolFeePpm: 1 }),
    );
  });
});
