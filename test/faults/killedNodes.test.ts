import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { decodeFunctionData, type Hex, isAddressEqual } from "viem";
import { readEscrowBalance } from "../../scripts/demo/escrowBalance.ts";
import { localSigner } from "../../scripts/demo/localAccounts.ts";
import type { DemoModel, DemoOperator } from "../../scripts/demo/stage.ts";
import { digitsHeldOut, irisHeldOut, spread } from "../../scripts/training/datasets.ts";
import { createRandom } from "../../scripts/training/random.ts";
import { commitRevealVerifierAbi } from "../../src/chain/abi/commitRevealVerifier.ts";
import { operatorStakingAbi } from "../../src/chain/abi/operatorStaking.ts";
import { committeeEvents } from "../../src/chain/committeeEvents.ts";
import { jobsEnded } from "../../src/chain/jobEvents.ts";
import { stakeOf } from "../../src/chain/staking.ts";
import { tokenBalanceOf } from "../../src/chain/token.ts";
import type { NodeLine } from "../../src/cli/runNode.ts";
import { type JobResult, submitJob, waitForResult } from "../../src/sdk/index.ts";
import { writeResults } from "../support/results.ts";
import { type StagedNetwork, stageNetwork } from "../support/stagedNetwork.ts";

// Three nodes answer jobs while each is killed (SIGKILL) every few seconds, wherever it is, and started again. FAULT_JOBS jobs, 60 unless told; FAULT_SEED repeats a run's choices. With FAULT_RESULTS=1 its figures go to
// bench/results/faults.json.

const JOBS = Number(process.env.FAULT_JOBS ?? 60);
const SEED = Number(process.env.FAULT_SEED ?? 20_261_121);

const TERMS = { commitWindowSeconds: 30, maxWidening: 2, revealWindowSeconds: 120, settleWindowSeconds: 120 };
const JOB_EVERY_MS = 1_000;
const KILL_EVERY_MS = { least: 1_000, most: 8_000 };
/** A step to kill a node right after, or none: at any time. */
const MOMENTS = [undefined, "accepted", "inferred", "committed", "revealed", "settled"] as const;
const STEP_TIMEOUT_MS = 3_000;
const DOWN_MS = { least: 0, most: 2_000 };
const RANGE = { fromBlock: 0n, toBlock: "latest" } as const;

type Submitted = { jobId: Hex; ended: JobResult };

describe(`three nodes that are killed again and again, ${JOBS} jobs, seed ${SEED}`, function () {
  this.timeout(600_000);
  const { next: random } = createRandom(SEED);
  const between = ({ least, most }: { least: number; most: number }) => least + random() * (most - least);
  const told = new EventEmitter();
  const failures: string[] = [];
  const resumed = new Map<string, number>();
  const killedAfter = new Map<string, number>();
  let kills = 0;
  let staged: StagedNetwork;
  let jobs: Submitted[];

  before(async () => {
    staged = await stageNetwork({ models: ["digits", "iris"], onLine: note });
    const playing = new AbortController();
    const killing = Promise.all(staged.operators.map((operator) => killUntil(operator, playing.signal)));
    jobs = await playAll(staged.models).finally(() => playing.abort());
    await killing;
  });
  after(() => staged?.stop());

  function note(line: NodeLine): void {
    if (!("step" in line)) return;
    told.emit(`${line.operatorId} ${line.step}`);
    if (line.step === "resumed") count(resumed, line.stage);
    if (line.step === "failed") failures.push(`operator ${line.operatorId}, job ${line.jobId}: ${line.reason}`);
  }

  async function playAll(models: DemoModel[]): Promise<Submitted[]> {
    const samples = { digits: spread(digitsHeldOut(), JOBS), iris: spread(irisHeldOut(), JOBS) };
    return Promise.all(
      Array.from({ length: JOBS }, async (_, n) => {
        await sleep(n * JOB_EVERY_MS);
        const model = models[n % models.length] as DemoModel;
        const { modelId, manifest, name } = model;
        const input = samples[name][n % samples[name].length]?.inputBytes ?? new Uint8Array();
        const submitted = await submitJob(staged.payer, { modelId, manifest, input, terms: TERMS });
        const ended = await waitForResult(staged.settler, submitted, { timeoutMs: 400_000 });
        return { jobId: submitted.jobId, ended };
      }),
    );
  }

  async function killUntil(operator: DemoOperator, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(between(KILL_EVERY_MS));
      const step = MOMENTS[Math.floor(random() * MOMENTS.length)];
      if (step !== undefined && !(await nextStep(operator, step, signal))) continue;
      await operator.node.kill();
      kills += 1;
      count(killedAfter, step ?? "any time");
      await sleep(between(DOWN_MS));
      operator.node = await operator.start();
    }
  }

  /** Resolves with the operator's next step of this kind; with false when none comes. */
  function nextStep({ operatorId }: DemoOperator, step: string, signal: AbortSignal): Promise<boolean> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(STEP_TIMEOUT_MS)]);
    return once(told, `${operatorId} ${step}`, { signal: inTime }).then(
      () => true,
      () => false,
    );
  }

  it("M4: every job ends exactly once", async () => {
    const ends = await jobsEnded(staged.settler, RANGE);
    expect(ends.map(({ jobId }) => jobId).sort()).to.deep.equal(jobs.map(({ jobId }) => jobId).sort());
  });

  it("settles every one of them: a node that comes back does what it owes", () => {
    expect(jobs.filter(({ ended }) => ended.status !== "settled")).to.deep.equal([]);
  });

  it("gives up nothing on the way", () => {
    expect(failures).to.deep.equal([]);
  });

  it("takes a bond from nobody", async () => {
    const log = await committeeEvents(staged.settler, RANGE);
    expect(log.filter(({ kind }) => kind === "slashed")).to.deep.equal([]);
  });

  it("commits once at most for each job and operator, and sends once at most", async () => {
    const log = await committeeEvents(staged.settler, RANGE);
    const committed = log.flatMap((event) =>
      event.kind === "committed" ? [`${event.operatorId} ${event.jobId}`] : [],
    );
    expect(new Set(committed).size).to.equal(committed.length);
    const sent = await commitsSent(staged);
    expect(new Set(sent).size).to.equal(sent.length);
    expect(sent).to.include.members(committed);
  });

  it("M1: the escrow holds what it owes", async () => {
    const { held, owed } = await readEscrowBalance(staged.settler);
    expect(held).to.equal(owed);
  });

  it("M2: the staking contract holds what it owes", async () => {
    const { settler, operators, addresses } = staged;
    const stakes = await Promise.all(operators.map(({ operatorId }) => stakeOf(settler, operatorId)));
    const awaitingBurn = await settler.publicClient.readContract({
      address: addresses.staking,
      abi: operatorStakingAbi,
      functionName: "awaitingBurn",
    });
    const owed = stakes.reduce((sum, { active, claimable }) => sum + active + claimable, awaitingBurn);
    expect(await tokenBalanceOf(settler, addresses.staking)).to.equal(owed);
  });

  it("has been killed often, and went on from where it was", async () => {
    const figures = {
      seed: SEED,
      jobs: jobs.length,
      settled: jobs.filter(({ ended }) => ended.status === "settled").length,
      kills,
      killedAfter: Object.fromEntries(killedAfter),
      resumed: Object.fromEntries(resumed),
    };
    console.log(`      ${JSON.stringify(figures)}`);
    expect(kills).to.be.greaterThan(JOBS / 6);
    expect([...resumed.values()].reduce((sum, n) => sum + n, 0)).to.be.greaterThan(kills);
    if (process.env.FAULT_RESULTS === "1") await writeResults("faults", figures);
  });
});

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** Operator and job of each commit transaction the signers ever sent, reverted ones too. */
async function commitsSent({ settler, operators, addresses }: StagedNetwork): Promise<string[]> {
  const signers = operators.map((_, index) => localSigner(index).address);
  const sent: string[] = [];
  for (let blockNumber = await settler.publicClient.getBlockNumber(); blockNumber > 0n; blockNumber--) {
    const { transactions } = await settler.publicClient.getBlock({ blockNumber, includeTransactions: true });
    for (const { from, to, input } of transactions) {
      const signer = signers.findIndex((address) => isAddressEqual(address, from));
      if (signer < 0 || !to || !isAddressEqual(to, addresses.verifier)) continue;
      const { functionName, args } = decodeFunctionData({ abi: commitRevealVerifierAbi, data: input });
      if (functionName !== "commit") continue;
      sent.push(`${operators[signer]?.operatorId} ${args[0].jobId}`);
    }
  }
  return sent;
}
