import { expect } from "chai";
import type { Hex } from "viem";
import { type CallsStage, stageCalls } from "../../scripts/calls/stage.ts";
import { readVoucherBalance } from "../../scripts/demo/calls/balance.ts";
import { checkLiving, closeBooks, type FinalBooks } from "../support/killedCalls/books.ts";
import { fillPurses, type Lane, startLane } from "../support/killedCalls/lane.ts";
import { type Liar, playLie, playOmission, startLiar } from "../support/killedCalls/liar.ts";
import { type Played, playScenario, titleOf } from "../support/killedCalls/play.ts";
import { isOfLane, nameOf, occasionOf, pickScenarios, type Scenario } from "../support/killedCalls/scenarios.ts";
import { writeResults } from "../support/results.ts";
import { temporaryFolder } from "../support/temporaryStore.ts";

// A gateway and a local end, each a process, are killed (SIGKILL, by themselves) right after each step of theirs and started again
// over the same folders, while an app asks. CALL_FAULTS scenarios, 15 unless told; CALL_FAULTS_SEED repeats a run's choices. With
// CALL_FAULTS_RESULTS=1 its figures go to bench/results/callFaults.json.

const SCENARIOS = Number(process.env.CALL_FAULTS ?? 15);
const SEED = Number(process.env.CALL_FAULTS_SEED ?? 20_261_121);

const LANES = SCENARIOS > 50 ? 3 : 2;
/** Of the local chain's test accounts: signers are 10 and after, see `stageCalls`. */
const ACCOUNT = { signers: 10, payers: 14, liedTo: 18 } as const;

type Result = Played & { wrong: string[] };

describe(`a gateway and a local end killed at every step, ${SCENARIOS} scenarios, seed ${SEED}`, function () {
  this.timeout(3_600_000);
  const results: Result[] = [];
  let startedAt = performance.now();
  let stage: CallsStage;
  let remove: () => Promise<void>;
  let lanes: Lane[] = [];
  let liar: Liar;
  let finals: FinalBooks[] = [];

  before(async () => {
    startedAt = performance.now();
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    stage = await stageCalls(temporary.folder, LANES + 1);
    log("the network is there");
    liar = await startLiar(stage, operatorOf(LANES).operatorId, ACCOUNT.signers + LANES);
    await fillPurses(stage, [...Array.from({ length: LANES }, (_, n) => ACCOUNT.payers + n), ACCOUNT.liedTo]);
    const begun = await Promise.allSettled(
      Array.from({ length: LANES }, (_, n) =>
        startLane(stage, `lane ${n}`, {
          ...{ operator: operatorOf(n), signer: ACCOUNT.signers + n, payer: ACCOUNT.payers + n },
        }),
      ),
    );
    lanes = begun.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    for (const each of begun) if (each.status === "rejected") throw each.reason;
    log("the stage is set");
    const waiting = pickScenarios(SEED, SCENARIOS);
    // Two payers of the same account must not send at the same time: what one account plays alone stays in the first lane.
    const ofLiar = waiting.filter((scenario) => !isOfLane(occasionOf(scenario)));
    const others = waiting.filter((scenario) => isOfLane(occasionOf(scenario)));
    await Promise.all(
      lanes.map((lane, n) => playAll(lane, n === 0 ? () => ofLiar.shift() ?? others.shift() : () => others.shift())),
    );
    finals = await Promise.all(lanes.map((lane) => closeBooks(stage.payer, lane)));
  });
  after(async () => {
    await Promise.all(lanes.map((lane) => lane.stop()));
    lanes = [];
    await liar?.close();
    await stage?.stop();
    await remove?.();
  });

  /** For whoever wants to see how it goes. */
  function log(line: string): void {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    if (process.env.CALL_FAULTS_LOG === "1") console.log(`      ${seconds} s: ${line}`);
  }

  function operatorOf(n: number) {
    const operator = stage.operators[n];
    if (operator === undefined) throw new Error(`there is no operator ${n}`);
    return operator;
  }

  async function playAll(lane: Lane, next: () => Scenario | undefined): Promise<void> {
    const checked = new Set<Hex>();
    for (let scenario = next(); scenario !== undefined; scenario = next()) {
      const result = await play(lane, scenario, checked).catch((error: unknown) => failed(scenario, error));
      results.push(result);
      log(`${lane.name}: ${describeResult(result)}`);
    }
  }

  async function play(lane: Lane, scenario: Scenario, checked: Set<Hex>): Promise<Result> {
    const ofLiar = { stage, lane, liar, scenario, account: ACCOUNT.liedTo };
    if (occasionOf(scenario) === "lie") return await playLie(ofLiar);
    if (occasionOf(scenario) === "omission") return await playOmission(ofLiar);
    const played = await playScenario(lane, scenario);
    return { ...played, wrong: await checkLiving(lane, checked) };
  }

  it("killed the one that was to die, right after its step, in every scenario", () => {
    const alive = results.filter(({ isKilled }) => !isKilled);
    expect(alive.map(({ scenario }) => titleOf(scenario))).to.deep.equal([]);
    expect(results).to.have.lengthOf(SCENARIOS);
  });

  it("answers each call exactly as the provider does, or with the beginning of it and an error, or with an error", () => {
    expect(results.flatMap(({ lies }) => lies)).to.deep.equal([]);
  });

  it("answers calls again afterwards", () => {
    const silent = results.filter(({ goesOn }) => !goesOn);
    expect(silent.map(({ scenario }) => titleOf(scenario))).to.deep.equal([]);
  });

  it("loses no receipt that has left, signs no sequence twice, and knows every call's end, after each of them", () => {
    const wrong = results.filter((result) => result.wrong.length > 0);
    expect(wrong.map((result) => `${titleOf(result.scenario)}: ${result.wrong.join("; ")}`)).to.deep.equal([]);
  });

  it("in the end has the same receipts and the same debt on both sides, all of them anchored and proven", () => {
    expect(finals.flatMap(({ wrong }) => wrong)).to.deep.equal([]);
    for (const { receipts, anchored, proven } of finals) expect([anchored, proven]).to.deep.equal([receipts, receipts]);
  });

  it("has claimed vouchers, and never more than is owed", () => {
    for (const { claimed, owed } of finals) {
      expect(claimed > 0n).to.equal(true);
      expect(claimed <= owed).to.equal(true);
    }
  });

  it("M3: the voucher escrow holds what it owes", async () => {
    const { held, owed } = await readVoucherBalance(stage.payer);
    expect(held).to.equal(owed);
  });

  it("writes down what it has done", async () => {
    const figures = figuresOf(results, finals, Math.round((performance.now() - startedAt) / 1_000));
    console.log(`      ${JSON.stringify(figures)}`);
    expect(figures.kills).to.equal(SCENARIOS);
    if (process.env.CALL_FAULTS_RESULTS === "1") await writeResults("callFaults", figures);
  });
});

/** A scenario that couldn't be played; those after it may be. */
function failed(scenario: Scenario, error: unknown): Result {
  const why = error instanceof Error ? error.message : String(error);
  const outcomes = { true: 0, cut: 0, refused: 0, false: 0 };
  return { scenario, isKilled: false, goesOn: false, outcomes, lies: [], wrong: [why] };
}

function figuresOf(results: readonly Result[], finals: readonly FinalBooks[], seconds: number) {
  const calls = { true: 0, cut: 0, refused: 0, false: 0 };
  const killedAt: Record<string, number> = {};
  for (const { scenario, isKilled, outcomes } of results) {
    for (const name of Object.keys(calls) as (keyof typeof calls)[]) calls[name] += outcomes[name];
    if (isKilled) killedAt[nameOf(scenario)] = (killedAt[nameOf(scenario)] ?? 0) + 1;
  }
  const total = (name: "receipts" | "anchored" | "proven" | "batches") =>
    finals.reduce((sum, books) => sum + books[name], 0);
  return {
    ...{ seed: SEED, scenarios: results.length, kills: results.filter(({ isKilled }) => isKilled).length, killedAt },
    bothKilled: results.filter(({ scenario, isKilled }) => isKilled && scenario.both).length,
    calls,
    receipts: { issued: total("receipts"), anchored: total("anchored"), proven: total("proven") },
    ...{ batches: total("batches"), seconds },
  };
}

function describeResult({ scenario, isKilled, goesOn, outcomes, wrong }: Result): string {
  return `${titleOf(scenario)}: ${JSON.stringify({ isKilled, goesOn, outcomes, wrong })}`;
}
