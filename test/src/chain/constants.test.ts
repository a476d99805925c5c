import { expect } from "chai";
import { commitRevealVerifierAbi } from "../../../src/chain/abi/commitRevealVerifier.ts";
import { jobEscrowAbi } from "../../../src/chain/abi/jobEscrow.ts";
import { operatorStakingAbi } from "../../../src/chain/abi/operatorStaking.ts";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { MAX_CONSUMER_GAS, MAX_INPUT_BYTES, REFUND_GRACE_SECONDS } from "../../../src/chain/escrow.ts";
import {
  EXPIRY_MARGIN_SECONDS,
  MAX_COMMITTEE_SIZE,
  MAX_LOCK_SECONDS,
  MAX_WIDENING,
  MAX_WINDOW_SECONDS,
  SEED_DELAY_BLOCKS,
} from "../../../src/chain/verifier.ts";
import { STAKE_UNIT } from "../../../src/protocol/commitRevealTerms.ts";
import { startTestNetwork } from "../../support/testNetwork.ts";

describe("constants written down twice", () => {
  let chain: SigningChain;

  before(async () => {
    chain = await (await startTestNetwork()).connectAs(1);
  });

  it("are the escrow's", async () => {
    const { publicClient, addresses } = chain;
    const read = (functionName: "MAX_INPUT_BYTES" | "MAX_CONSUMER_GAS" | "REFUND_GRACE_SECONDS") =>
      publicClient.readContract({ address: addresses.escrow, abi: jobEscrowAbi, functionName });
    expect(await read("MAX_INPUT_BYTES")).to.equal(BigInt(MAX_INPUT_BYTES));
    expect(await read("MAX_CONSUMER_GAS")).to.equal(MAX_CONSUMER_GAS);
    expect(await read("REFUND_GRACE_SECONDS")).to.equal(BigInt(REFUND_GRACE_SECONDS));
  });

  it("are the verifier's and staking's", async () => {
    const { publicClient, addresses } = chain;
    const expected = {
      STAKE_UNIT,
      MAX_COMMITTEE_SIZE: BigInt(MAX_COMMITTEE_SIZE),
      MAX_WIDENING: BigInt(MAX_WIDENING),
      MAX_WINDOW_SECONDS: BigInt(MAX_WINDOW_SECONDS),
      EXPIRY_MARGIN_SECONDS: BigInt(EXPIRY_MARGIN_SECONDS),
      SEED_DELAY_BLOCKS,
    } as const;
    for (const functionName of Object.keys(expected) as (keyof typeof expected)[]) {
      const onChain = await publicClient.readContract({
        address: addresses.verifier,
        abi: commitRevealVerifierAbi,
        functionName,
      });
      expect(onChain, functionName).to.equal(expected[functionName]);
    }
    const maxLock = await publicClient.readContract({
      address: addresses.staking,
      abi: operatorStakingAbi,
      functionName: "MAX_LOCK_SECONDS",
    });
    expect(maxLock).to.equal(MAX_LOCK_SECONDS);
  });
});
