import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { type JobGas, type Stage, setStage } from "./scenario.ts";

/** Gas of each step of one job, the dearest where there are several. */
export type Steps = Record<string, number>;
export type Beside = { few: Steps; many: Steps };
export type Growth = {
  /** The same job beside few and many of each, nothing else changed. */
  common: { operators: Beside; models: Beside; pastJobs: Beside };
  /** The worst case: every operator's share must be looked up in its history. */
  stakeChangedSinceOpening: Record<string, Steps>;
};

/** How many changes of its stake an operator has behind it in the worst case. */
const CHANGES = [1, 500];
const KEY = 1n;
const LIMIT_PCT = 3;

export type Add = (stage: Stage, count: number) => Promise<void>;

export const ADD = {
  operators: (stage, count) => stage.addOperators(count),
  models: (stage, count) => stage.addModels(count),
  pastJobs: (stage, count) => stage.addPastJobs(count),
} satisfies Record<string, Add>;

/** Plays one job on stages that differ in one number only. */
export async function measureGrowth(
  hre: HardhatRuntimeEnvironment,
  few: number,
  many: number,
  onProgress: (line: string) => void,
): Promise<Growth> {
  const beside = async (what: string, add: Add): Promise<Beside> => {
    onProgress(`${few} and ${many} ${what}`);
    return await measureBeside(await setStage(hre), add, few, many);
  };
  return {
    common: {
      operators: await beside("operators", ADD.operators),
      models: await beside("models", ADD.models),
      pastJobs: await beside("past jobs", ADD.pastJobs),
    },
    stakeChangedSinceOpening: await measureWorstCase(hre, onProgress),
  };
}

/** The same job beside few and then beside many of what is added. */
export async function measureBeside(stage: Stage, add: Add, few: number, many: number): Promise<Beside> {
  await stage.playJob(KEY, 0, "last carried");
  await add(stage, few);
  const before = stepsOf(await stage.playJob(KEY, 1, "last carried"));
  await add(stage, many - few);
  return { few: before, many: stepsOf(await stage.playJob(KEY, 2, "last carried")) };
}

/** Says which steps cost more than the limit allows beside many. */
export function growthProblems(what: string, beside: Beside): string[] {
  return Object.entries(dearerBy(beside)).flatMap(([step, pct]) =>
    pct > LIMIT_PCT ? [`${what}: ${step} grew by ${pct} %, allowed is ${LIMIT_PCT} %`] : [],
  );
}

/** By how much each step is dearer beside many, in percent, two decimals. */
export function dearerBy({ few, many }: Beside): Steps {
  const pct = (step: string) => Math.round(((many[step] ?? 0) / (few[step] ?? 1) - 1) * 10_000) / 100;
  return Object.fromEntries(Object.keys(few).map((step) => [step, pct(step)]));
}

async function measureWorstCase(
  hre: HardhatRuntimeEnvironment,
  onProgress: (line: string) => void,
): Promise<Record<string, Steps>> {
  const stage = await setStage(hre);
  await stage.playJob(KEY, 0, "last carried");
  const found: Record<string, Steps> = { "not at all": stepsOf(await stage.playJob(KEY, 1, "last carried")) };
  let done = 0;
  let sequence = 2;
  for (const changes of CHANGES) {
    onProgress(`changing every stake ${changes} times`);
    await stage.changeStakes(changes - 1 - done);
    done = changes;
    const job = await stage.playJob(KEY, sequence, "last carried", undefined, () => stage.changeStakes(1));
    found[`the last of ${changes} changes`] = stepsOf(job);
    sequence += 1;
  }
  return found;
}

function stepsOf({ open, commits, reveals, settle, total }: JobGas): Steps {
  return { open, commit: Math.max(...commits), reveal: Math.max(...reveals), settle, total };
}
