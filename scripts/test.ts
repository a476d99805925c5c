// npm test: what needs no compiled contract beside their compilation, then the Solidity tests beside the ones on a chain and the
// end-to-end ones, which mostly wait for blocks. Each part's output comes in one piece: the first as it is written, the others'
// once those before have ended.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Folders of `test/src/` whose tests read no artifact. */
const OFF_CHAIN = ["checks", "fetch", "inference", "protocol", "store"];
/** Calls over HTTP take minutes by themselves: `npm run test:calls`. */
const BY_THEMSELVES = ["test/src/connect/", "test/src/gateway/", "test/e2e/openaiClient"];

const COMPILE_CACHE = fileURLToPath(new URL("../cache/compiled", import.meta.url));

type Part = { isPassed: Promise<boolean>; show: () => void };

/** Starts a task of Hardhat's; what it writes is held back until it is to be shown. */
function start(args: readonly string[]): Part {
  const held: Buffer[] = [];
  let write = (chunk: Buffer): void => {
    held.push(chunk);
  };
  // Many tests start processes, which all load the same files.
  const env = { ...process.env, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? COMPILE_CACHE };
  const child = spawn("hardhat", [...args], { stdio: ["ignore", "pipe", "pipe"], env });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => write(chunk));
  const show = () => {
    for (const chunk of held) process.stdout.write(chunk);
    write = (chunk) => process.stdout.write(chunk);
  };
  return { isPassed: once(child, "close").then(([code]) => code === 0), show };
}

/** Shows the parts one after another. @returns whether all have passed */
async function finish(parts: readonly Part[]): Promise<boolean> {
  let areAllPassed = true;
  for (const { isPassed, show } of parts) {
    show();
    areAllPassed = (await isPassed) && areAllPassed;
  }
  return areAllPassed;
}

const mocha = (files: readonly string[]) => ["test", "mocha", "--no-compile", ...files.toSorted()];
const testsIn = (pattern: string) =>
  globSync(pattern).filter((file) => !BY_THEMSELVES.some((start) => file.startsWith(start)));
const isOffChain = (file: string) => OFF_CHAIN.some((folder) => file.startsWith(`test/src/${folder}/`));
const [offChain, onChain] = [true, false].map((wanted) =>
  testsIn("test/src/**/*.test.ts").filter((file) => isOffChain(file) === wanted),
) as [string[], string[]];

const build = start(["build", "--no-tests"]);
const early = start(mocha(offChain));
if (!(await finish([build]))) process.exit(1);
/** Most of their files deploy a network of their own, one after another. */
const areAboutContracts = (file: string) => /^test\/src\/(chain|deploy)\//.test(file);
const halves = [true, false].map((wanted) => onChain.filter((file) => areAboutContracts(file) === wanted));
const parts = [
  early,
  start(["test", "solidity"]),
  ...[...halves, testsIn("test/e2e/*.test.ts")].map((files) => start(mocha(files))),
];
if (!(await finish(parts))) process.exitCode = 1;
