import { expect } from "chai";
import { keccak256 } from "viem";
import { readEscrowBalance } from "../../scripts/demo/escrowBalance.ts";
import { type DemoModel, type DemoOperator, STAKE } from "../../scripts/demo/stage.ts";
import { digitsHeldOut, spread } from "../../scripts/training/datasets.ts";
import type { SigningChain } from "../../src/chain/clients.ts";
import { committeeEvents } from "../../src/chain/committeeEvents.ts";
import { stakeOf } from "../../src/chain/staking.ts";
import { memberOf } from "../../src/chain/verifier.ts";
import type { NodeLine } from "../../src/cli/runNode.ts";
import { createOnnxNative } from "../../src/inference/onnxNative.ts";
import { splitFee } from "../../src/protocol/job.ts";
import { decodeTensors } from "../../src/protocol/tensor.ts";
import { submitJob, verifyResult, waitForResult } from "../../src/sdk/index.ts";
import { type StagedNetwork, stageNetwork } from "../support/stagedNetwork.ts";

const TERMS = { commitWindowSeconds: 8, maxWidening: 2, revealWindowSeconds: 60, settleWindowSeconds: 60 };

describe("one paid job over a chain process and three node processes", function () {
  this.timeout(180_000);
  let staged: StagedNetwork;
  let payer: SigningChain;
  let settler: SigningChain;
  let model: DemoModel;
  let operators: DemoOperator[];
  const lines: NodeLine[] = [];

  before(async () => {
    staged = await stageNetwork({ models: ["digits"], onLine: (line) => lines.push(line), hasLiar: true });
    ({ payer, settler, operators } = staged);
    [model] = staged.models as [DemoModel];
  });
  after(() => staged?.stop());

  it("is answered truly, pays the two that told the truth and slashes the one that lied", async () => {
    const [sample] = spread(digitsHeldOut(), 1);
    if (!sample) throw new Error("no held-out picture");
    const { job, jobId } = await submitJob(payer, {
      modelId: model.modelId,
      manifest: model.manifest,
      input: sample.inputBytes,
      terms: TERMS,
    });
    const ended = await waitForResult(payer, job, { timeoutMs: 120_000 });
    if (ended.status !== "settled") throw new Error(`the job was ${ended.status}`);

    const verdict = await verifyWith(sample.inputBytes);
    expect(verdict).to.deep.include({ ok: true, jobId, resultHash: keccak256(ended.result) });
    const [logits] = decodeTensors(model.manifest.outputs, ended.result);
    expect(logits).to.have.lengthOf(10);

    const tampered = Uint8Array.from(sample.inputBytes);
    tampered[0] = (tampered[0] ?? 0) ^ 1;
    expect(await verifyWith(tampered)).to.include({ ok: false, differs: "input" });

    const bond = job.fee;
    const [first, second, liar] = operators as [DemoOperator, DemoOperator, DemoOperator];
    const log = await committeeEvents(settler, { jobId, fromBlock: 0n, toBlock: "latest" });
    const slashes = log.filter((event) => event.kind === "slashed");
    expect(slashes.map(({ operatorId, fault, amount }) => ({ operatorId, fault, amount }))).to.deep.equal([
      { operatorId: liar.operatorId, fault: "minority", amount: bond },
    ]);
    const earned = await Promise.all(
      [first, second].map(async ({ operatorId }) => (await memberOf(settler, operatorId)).earnings),
    );
    expect(earned.reduce((sum, amount) => sum + amount, 0n)).to.equal(splitFee(job).earners);
    const { active, claimable } = await stakeOf(settler, liar.operatorId);
    expect({ active, claimable }).to.deep.equal({ active: STAKE - bond, claimable: 0n });
    const { held, owed } = await readEscrowBalance(settler);
    expect(held).to.equal(owed);

    async function verifyWith(input: Uint8Array) {
      const loaded = await createOnnxNative({ threads: 2 }).load(model.artefact, model.manifest);
      const { artefact, manifest } = model;
      const verification = await verifyResult(settler, {
        job,
        input,
        artefact,
        manifest,
        runModel: (x) => loaded.run(x),
      });
      await loaded.close();
      return verification;
    }
  });

  it("goes through every stop at every node", () => {
    for (const { operatorId } of operators) {
      const steps = lines.flatMap((line) => ("step" in line && line.operatorId === operatorId ? [line.step] : []));
      expect(steps.slice(0, 4)).to.deep.equal(["accepted", "inferred", "committed", "revealed"]);
      expect(["settled", "ended"]).to.include(steps.at(-1));
    }
  });
});
