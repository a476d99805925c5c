import { expect } from "chai";
import { keccak256, toHex, zeroAddress, zeroHash } from "viem";
import { simulateContract } from "viem/actions";
import { jobEscrowAbi } from "../../../src/chain/abi/jobEscrow.ts";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { encodeDeposit, ledgerBalanceOf, resultOf } from "../../../src/chain/escrow.ts";
import { jobsOpened } from "../../../src/chain/jobEvents.ts";
import { encodeRetire, encodeSetPrice } from "../../../src/chain/models.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeApprove, tokenBalanceOf } from "../../../src/chain/token.ts";
import { STAKE_UNIT, unpackTerms } from "../../../src/protocol/commitRevealTerms.ts";
import { jobIdOf, keyOf, sequenceOf } from "../../../src/protocol/job.ts";
import { refundJob, withdrawBalance } from "../../../src/sdk/claims.ts";
import { type SubmitOptions, type SubmitProgress, submitJob } from "../../../src/sdk/submitJob.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const FLOWER = Uint8Array.of(51, 35, 14, 2);
const FUNDS = 10n * PRICE;

describe("submitting a job", () => {
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let iris: PublishedIris;
  let goBack: () => Promise<void>;

  before(async () => {
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    await testNetwork.fund(1, FUNDS);
    payer = await testNetwork.connectAs(1);
  });

  beforeEach(async () => {
    goBack = await testNetwork.snapshot();
  });

  afterEach(() => goBack());

  const submit = (options: Partial<SubmitOptions> = {}) => submitJob(payer, { ...iris, input: FLOWER, ...options });

  /** Expects the refusal, and that nothing was sent before it. */
  async function expectRefusal(code: string, options: Partial<SubmitOptions>): Promise<void> {
    const { address } = payer.account;
    const before = await payer.publicClient.getTransactionCount({ address });
    await expectProtocolError(code, () => submit(options));
    expect(await payer.publicClient.getTransactionCount({ address })).to.equal(before);
  }

  describe("goes through", () => {
    it("deposits the fee, opens the job and says what it does", async () => {
      const stages: SubmitProgress["stage"][] = [];
      const { jobId, job, txReceipt } = await submit({ onProgress: ({ stage }) => stages.push(stage) });
      expect(stages).to.deep.equal(["approving", "depositing", "opening", "opened"]);

      const range = { fromBlock: txReceipt.blockNumber, toBlock: txReceipt.blockNumber };
      const [opened] = await jobsOpened(payer, { ...range, verifier: payer.addresses.verifier });
      expect(opened?.jobId).to.equal(jobId);
      expect(opened?.job).to.deep.equal(job);
      expect(opened?.input).to.equal(toHex(FLOWER));
      expect(jobId).to.equal(jobIdOf(job, { chainId: 31337, escrow: payer.addresses.escrow }));
      expect((await resultOf(payer, job)).status).to.equal("open");
      expect(await ledgerBalanceOf(payer, payer.account.address)).to.equal(0n);
      expect(await tokenBalanceOf(payer, payer.account.address)).to.equal(FUNDS - PRICE);
    });

    it("chooses a committee of three, the price, the least bond and room to reveal and settle", async () => {
      const { job } = await submit();
      expect(job.fee).to.equal(PRICE);
      expect(job.royaltyPpm).to.equal(10_000);
      expect(job.protocolFeePpm).to.equal(10_000);
      expect(unpackTerms(job.verifierData)).to.deep.equal({
        committeeSize: 3,
        maxWidening: 2,
        commitWindowSeconds: 8,
        revealWindowSeconds: 30,
        settleWindowSeconds: 30,
        maxResultBytes: iris.manifest.maxResultBytes,
        bondUnits: PRICE / STAKE_UNIT,
      });
    });

    it("keeps to what was chosen", async () => {
      const bond = 3n * PRICE;
      const terms = { committeeSize: 5, maxWidening: 0, commitWindowSeconds: 60 };
      const { job } = await submit({ terms, fee: 2n * PRICE, bond, expiresInSeconds: 3600, key: 77n });
      expect(unpackTerms(job.verifierData)).to.include({ ...terms, bondUnits: bond / STAKE_UNIT });
      expect(job.fee).to.equal(2n * PRICE);
      expect(keyOf(job)).to.equal(77n);
    });

    it("takes the lowest free key, and the next sequence of one that is free again", async () => {
      const first = await submit();
      const second = await submit();
      expect([keyOf(first.job), keyOf(second.job)]).to.deep.equal([0n, 1n]);
      await testNetwork.elapse(3600);
      await refundJob(payer, first.job);
      const third = await submit();
      expect([keyOf(third.job), sequenceOf(third.job)]).to.deep.equal([0n, 1]);
    });

    it("lets several be in flight at once, each under its own key and paid by its own fee", async () => {
      const submitted = await Promise.all(Array.from({ length: 6 }, () => submit()));
      expect(new Set(submitted.map(({ job }) => keyOf(job))).size).to.equal(6);
      expect(await ledgerBalanceOf(payer, payer.account.address)).to.equal(0n);
      for (const { job } of submitted) expect((await resultOf(payer, job)).status).to.equal("open");
    });

    it("spends the escrow's balance first", async () => {
      await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.escrow, PRICE));
      await sendCall(payer, encodeDeposit(payer.addresses, payer.account.address, PRICE));
      const stages: string[] = [];
      await submit({ autoDeposit: false, onProgress: ({ stage }) => stages.push(stage) });
      expect(stages).to.deep.equal(["opening", "opened"]);
      await expectProtocolError("contract/InsufficientBalance", () =>
        withdrawBalance(payer, payer.account.address, PRICE),
      );
    });

    it("takes an input behind a URI", async () => {
      const input = { uri: "ipfs://bafy/flower.bin", inputHash: keccak256(FLOWER) };
      const { job } = await submit({ input });
      expect(job.inputHash).to.equal(keccak256(FLOWER));
      expect(job.inputUriHash).to.equal(keccak256(toHex(input.uri)));
    });

    it("names a consumer", async () => {
      const consumer = payer.addresses.opg; // any contract will do, it is called last and may refuse
      const { job } = await submit({ consumer, consumerGasLimit: 50_000 });
      expect(job).to.include({ consumer, consumerGasLimit: 50_000 });
    });
  });

  describe("is refused before anything is sent", () => {
    it("for a model nobody published", () =>
      expectRefusal("sdk/unknown-model", { modelId: keccak256("0x01"), input: FLOWER }));

    it("for a retired model", async () => {
      await sendCall(await testNetwork.connectAs(2), encodeRetire(payer.addresses, iris.modelId));
      await expectRefusal("sdk/model-retired", {});
    });

    it("for a model that isn't bit-exact", async () => {
      const publisher = await testNetwork.connectAs(2);
      const listing = {
        manifestHash: keccak256("0x02"),
        graphRoot: zeroHash,
        weightRoot: zeroHash,
        bitExact: false,
        maxResultBytes: 12,
        price: 0n,
        royaltyPpm: 0,
        royaltyRecipient: publisher.account.address,
      };
      const call = { address: payer.addresses.escrow, abi: jobEscrowAbi, functionName: "publish" } as const;
      const { request, result } = await simulateContract(publisher.publicClient, {
        ...call,
        account: publisher.account,
        args: [listing, "x"],
      });
      await publisher.walletClient.writeContract(request);
      await expectProtocolError("sdk/model-not-bit-exact", () => submitJob(payer, { modelId: result, input: FLOWER }));
    });

    it("for another model's manifest", () =>
      expectRefusal("sdk/manifest-mismatch", { manifest: { ...iris.manifest, name: "other" } }));

    it("for a fee below the price", async () => {
      await expectRefusal("sdk/fee-below-price", { fee: PRICE - 1n });
      const publisher = await testNetwork.connectAs(2);
      await sendCall(publisher, encodeSetPrice(payer.addresses, iris.modelId, 2n * PRICE, 0));
      await expectRefusal("sdk/fee-below-price", { fee: PRICE });
    });

    it("for a price above what is to be spent", () => expectRefusal("sdk/fee-above-limit", { maxFee: PRICE - 1n }));

    it("for a fee beyond what a bond can back", () => expectRefusal("sdk/fee-too-large", { fee: 2n ** 96n }));

    it("for a bond that is too small or too large", async () => {
      await expectRefusal("sdk/bond-too-small", { bond: PRICE - STAKE_UNIT });
      await expectRefusal("sdk/bond-too-large", { bond: 2n ** 56n * STAKE_UNIT });
    });

    it("for a deadline that is too near or too far", async () => {
      await expectRefusal("sdk/deadline-too-near", { expiresInSeconds: 3 * 8 + 6 + 6 + 9 });
      await expectRefusal("sdk/deadline-too-far", { expiresInSeconds: 2 * 86_400 + 1 });
    });

    it("for an even committee", async () => {
      await expectRefusal("sdk/committee-even", { terms: { committeeSize: 4 } });
      await expectRefusal("sdk/committee-even", { terms: { committeeSize: 0 } });
    });

    it("for a committee that is too large", () =>
      expectRefusal("sdk/committee-too-large", { terms: { committeeSize: 11 } }));

    it("for too many widening steps and for windows out of range", async () => {
      await expectRefusal("sdk/widening-too-large", { terms: { maxWidening: 9 } });
      await expectRefusal("sdk/window-out-of-range", { terms: { commitWindowSeconds: 7 } });
      await expectRefusal("sdk/window-out-of-range", { terms: { revealWindowSeconds: 2 } });
      await expectRefusal("sdk/window-out-of-range", { terms: { settleWindowSeconds: 21_601 } });
    });

    it("for the zero address as a consumer", () => expectRefusal("sdk/zero-address", { consumer: zeroAddress }));

    it("for a consumer without code", () =>
      expectRefusal("sdk/consumer-not-a-contract", { consumer: payer.account.address }));

    it("for callback gas out of range", async () => {
      await expectRefusal("sdk/consumer-gas-out-of-range", {
        consumer: payer.addresses.opg,
        consumerGasLimit: 2_000_001,
      });
      await expectRefusal("sdk/consumer-gas-out-of-range", { consumerGasLimit: 1 });
    });

    it("for an oversized input", async () => {
      const { modelId } = iris;
      await expectProtocolError("sdk/input-too-large", () =>
        submitJob(payer, { modelId, input: new Uint8Array(8193) }),
      );
      const uri = `https://example.org/${"x".repeat(8192)}`;
      await expectRefusal("sdk/input-too-large", { input: { uri, inputHash: keccak256(FLOWER) } });
    });

    it("for an input of the wrong shape", async () => {
      await expectRefusal("tensor/wrong-shape", { input: FLOWER.subarray(1) });
      await expectRefusal("tensor/too-large", { input: new Uint8Array(5) });
    });

    it("for a URI that says nothing", async () => {
      await expectRefusal("sdk/empty-uri", { input: { uri: "", inputHash: keccak256(FLOWER) } });
      await expectRefusal("sdk/invalid-input-hash", { input: { uri: "ipfs://x", inputHash: "0x1234" } });
    });

    it("for a key that holds a live job", async () => {
      await submit({ key: 5n });
      await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.escrow, PRICE));
      await sendCall(payer, encodeDeposit(payer.addresses, payer.account.address, PRICE));
      await expectRefusal("sdk/key-busy", { key: 5n });
    });

    it("for funds that aren't there", async () => {
      await expectRefusal("sdk/insufficient-funds", { fee: FUNDS + 1n });
      await expectRefusal("sdk/insufficient-funds", { autoDeposit: false });
    });

    it("for an allowance that isn't there", () => expectRefusal("sdk/insufficient-allowance", { autoApprove: false }));
  });

  it("leaves no funds set apart and no key reserved after a refusal", async () => {
    await expectProtocolError("sdk/insufficient-funds", () => submit({ fee: FUNDS + 1n }));
    const { job } = await submit({ fee: FUNDS });
    expect(keyOf(job)).to.equal(0n);
  });

  it("says so while new jobs are stopped, and that trying again may help", async () => {
    const guardian = await testNetwork.connectAs(18);
    const { request } = await simulateContract(guardian.publicClient, {
      address: payer.addresses.escrow,
      abi: [
        {
          type: "function",
          name: "setJobsPaused",
          stateMutability: "nonpayable",
          inputs: [{ type: "bool" }],
          outputs: [],
        },
      ],
      functionName: "setJobsPaused",
      args: [true],
      account: guardian.account,
    });
    await guardian.walletClient.writeContract(request);
    const error = await expectProtocolError("sdk/jobs-paused", () => submit());
    expect(error.isRetryable).to.equal(true);
  });
});
