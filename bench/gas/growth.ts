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

/** Plays one job on stages that differ in one number only. */
export async function measureGrowth(
  hre: HardhatRuntimeEnvironment,
  few: number,
  many: number,
  onProgress: (line: string) => void,
): Promise<Growth> {
  const beside = async (what: string, add: (stage: Stage, count: number) => Promise<void>): Promise<Beside> => {
    const stage = await setStage(hre);
    await stage.playJob(KEY, 0, "last carried");
    await add(stage, few);
    const before = stepsOf(await stage.playJob(KEY, 1, "last carried"));
    onProgress(`adding ${many - few} ${what}`);
    await add(stage, many - few);
    return { few: before, many: stepsOf(await stage.playJob(KEY, 2, "last carried")) };
  };
  return {
    common: {
      operators: await beside("operators", (stage, count) => stage.addOperators(count)),
      models: await beside("models", (stage, count) => stage.addModels(count)),
      pastJobs: await beside("past jobs", (stage, count) => stage.addPastJobs(count)),
    },
    stakeChangedSinceOpening: await measureWorstCase(hre, onProgress),
  };
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
