import { readFileSync, rmSync, writeFileSync } from "node:fs";

/** Where a process is to end: at the n-th time that it comes to the step, counted by the process itself. */
export type Ending = { step: string; nth: number };

/** Says in a file where whoever reads it is to end; it may run already, or be started later. */
export function sayEnding(file: string, ending: Ending): void {
  writeFileSync(file, JSON.stringify(ending));
}

export function takeBackEnding(file: string): void {
  rmSync(file, { force: true });
}

/**
 * Ends this process, as `kill -9` does, where the file says. The file is gone then: the next life goes on.
 * @returns to be told of every step
 */
export function createEnding(file: string): (step: string) => void {
  let seen = 0;
  return (step) => {
    const ending = readEnding(file);
    if (ending === undefined) seen = 0;
    if (ending?.step !== step) return;
    seen += 1;
    if (seen < ending.nth) return;
    rmSync(file);
    process.kill(process.pid, "SIGKILL");
  };
}

function readEnding(file: string): Ending | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Ending;
  } catch {
    return undefined; // there is none
  }
}
