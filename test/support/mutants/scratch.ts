import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Compiled } from "../authority/deployed.ts";

/** What the Solidity tests said. */
export type TestRun = { passed: number; failed: string[] };

/** A copy of the project in which contracts can be replaced without touching the project's own. */
export type Scratch = {
  /** Puts a compiled contract where the tests take it from, instead of the project's own; undefined: puts that back. */
  replace(source: string, contract: string, compiled: Compiled | undefined): Promise<void>;
  /** Writes a source file; undefined: puts the project's own back. */
  write(file: string, text: string | undefined): Promise<void>;
  /** Runs Solidity tests, compiled already or not. */
  test(files: readonly string[], isCompiled: boolean): Promise<TestRun>;
  remove(): Promise<void>;
};

const LINKED = [
  "node_modules",
  "package.json",
  "hardhat.config.ts",
  "tsconfig.json",
  "scripts",
  "deploy",
  "src",
  "models",
];
const COPIED = ["contracts", "test", "artifacts", "cache"];
/** Enough to see that a check is missing; the campaign itself is not about rare cases. */
const FUZZ_RUNS = "16";

/** Of a project that is compiled, its tests too. */
export async function createScratch(): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), "opg-mutants-"));
  for (const name of LINKED) await symlink(resolve(name), join(folder, name));
  for (const name of COPIED) await cp(name, join(folder, name), { recursive: true });
  return {
    async replace(source, contract, compiled) {
      const path = join("artifacts", source, `${contract}.json`);
      const artifact = JSON.parse(await readFile(path, "utf8"));
      const mutant = compiled === undefined ? artifact : { ...artifact, bytecode: compiled.bytecode };
      await writeFile(join(folder, path), JSON.stringify(mutant));
    },
    async write(file, text) {
      await writeFile(join(folder, file), text ?? (await readFile(file, "utf8")));
    },
    test: (files, isCompiled) => runTests(folder, [...(isCompiled ? ["--no-compile"] : []), ...files]),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function runTests(cwd: string, args: readonly string[]): Promise<TestRun> {
  const command = [resolve("node_modules/hardhat/dist/src/cli.js"), "test", "solidity", ...args];
  // What this process was told about its own project isn't so in the copy.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(HARDHAT|HH)_/.test(name));
  const env = { ...Object.fromEntries(inherited), FUZZ_RUNS, FORCE_COLOR: "0" };
  return new Promise((done, fail) => {
    execFile(process.execPath, command, { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const counted = /^\s*(\d+) passing/m.exec(stdout);
      if (counted === null) {
        fail(
          new Error(
            `the tests did not run (${error?.message ?? "no error"}): ${stdout.slice(-500)} ${stderr.slice(-500)}`,
          ),
        );
        return;
      }
      const failed = [...stdout.matchAll(/^\s*(?:✖|\d+\)) ([^\n]+)$/gm)].map(([, name]) => name as string);
      done({ passed: Number(counted[1]), failed });
    });
  });
}
