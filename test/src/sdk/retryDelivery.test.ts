import { expect } from "chai";
import { type Address, type Hex, parseAbi } from "viem";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { jobHistory } from "../../../src/sdk/jobHistory.ts";
import { retryDelivery } from "../../../src/sdk/retryDelivery.ts";
import { submitJob } from "../../../src/sdk/submitJob.ts";
import { registerThreeOperators, settleAs, type TestOperator } from "../../support/committee.ts";
import { mockBytecode } from "../../support/mockBytecode.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const FLOWER = Uint8Array.of(51, 35, 14, 2);
/** Blocks carry this machine's time here, so a busy machine must not outlast a window. */
const ROOMY = { commitWindowSeconds: 60, revealWindowSeconds: 300 };
const LOGITS = Uint8Array.of(1, 0, 0, 0, 254, 255, 255, 255, 3, 0, 0, 0);
const CONSUMER_ABI = parseAbi(["function setRefuses(bool refuses)", "function calls() view returns (uint256)"]);

describe("a job's history, and delivering its result again", () => {
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let operators: TestOperator[];
  let iris: PublishedIris;

  before(async () => {
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    operators = await registerThreeOperators(testNetwork);
    await testNetwork.fund(1, 100n * PRICE);
    payer = await testNetwork.connectAs(1);
  });

  const submit = (consumer?: Address) =>
    submitJob(payer, { ...iris, input: FLOWER, terms: ROOMY, ...(consumer && { consumer }) });

  it("says where a job stands, from its opening to its end", async () => {
    const { job, jobId } = await submit();
    const open = await jobHistory(payer, jobId);
    expect(open).to.include({ status: "open" }).and.not.have.property("ended");
    expect(open.opened.job).to.deep.equal(job);
    await settleAs(testNetwork, operators, job, LOGITS);
    const settled = await jobHistory(payer, jobId.toUpperCase().replace("0X", "0x") as Hex);
    expect(settled).to.include({ status: "settled" });
    expect(settled.ended).to.include({ status: "settled", result: "0x01000000feffffff03000000" });
    const kinds = settled.committee.map(({ kind }) => kind).sort();
    expect(kinds).to.deep.equal(["committed", "committed", "committed", "revealed", "revealed", "revealed"]);
    await expectProtocolError("sdk/unknown-job", () => jobHistory(payer, `0x${"ab".repeat(32)}`));
  });

  it("calls a consumer again whose callback had failed", async () => {
    const consumer = await deployRefusingConsumer();
    const { job, jobId } = await submit(consumer);
    await settleAs(testNetwork, operators, job, LOGITS);
    expect((await jobHistory(payer, jobId)).status).to.equal("undelivered");
    await expectProtocolError("contract/CallbackFailed", () => retryDelivery(payer, jobId));

    await setRefuses(consumer, false);
    await retryDelivery(payer, jobId);
    const calls = await payer.publicClient.readContract({
      address: consumer,
      abi: CONSUMER_ABI,
      functionName: "calls",
    });
    expect(calls).to.equal(1n);
    expect((await jobHistory(payer, jobId)).status).to.equal("settled");
    await expectProtocolError("sdk/nothing-to-deliver", () => retryDelivery(payer, jobId));
  });

  async function deployRefusingConsumer(): Promise<Address> {
    const bytecode = await mockBytecode("RecordingConsumer");
    const hash = await payer.walletClient.deployContract({ abi: CONSUMER_ABI, bytecode });
    const { contractAddress } = await payer.publicClient.waitForTransactionReceipt({ hash });
    if (!contractAddress) throw new Error("the consumer was not deployed");
    await setRefuses(contractAddress, true);
    return contractAddress;
  }

  async function setRefuses(address: Address, refuses: boolean): Promise<void> {
    const hash = await payer.walletClient.writeContract({
      address,
      abi: CONSUMER_ABI,
      functionName: "setRefuses",
      args: [refuses],
    });
    await payer.publicClient.waitForTransactionReceipt({ hash });
  }
});
