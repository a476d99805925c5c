import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

export type TestCounts = { passed: number; failed: number };

/**
 * Adds up what the runners say (mocha: `12 passing (3s)`, Hardhat's Solidity runner: `12 passing`). A run that failed
 * without a failing test (a crash, a compile error), or that ran fewer suites than expected, counts as one failure.
 */
export function countTests(output: string, exitCode: number, expectedSuites: number): TestCounts {
  const text = stripVTControlCharacters(output);
  const figures = (word: string): number[] =>
    [...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}(?: \\([^)]*\\))?\\s*$`, "gm"))].map(([, count]) => Number(count));
  const suites = figures("passing");
  const passed = sum(suites);
  const failed = sum(figures("failing"));
  const missing = suites.filter((count) => count > 0).length < expectedSuites;
  return { passed, failed: failed === 0 && (exitCode !== 0 || missing) ? 1 : failed };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

// node scripts/checks/countTests.ts <log> <exit code> <expected suites>: prints "<passed> <failed>"
if (import.meta.main) {
  const [log = "", exitCode, expectedSuites] = process.argv.slice(2);
  const { passed, failed } = countTests(readFileSync(log, "utf8"), Number(exitCode), Number(expectedSuites));
  console.log(`${passed} ${failed}`);
}
