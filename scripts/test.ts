// npm test, after the build: the Solidity tests beside the TypeScript and end-to-end ones, which mostly wait for blocks.
// Each part's output comes in one piece: the first as it is written, the other's once the first has ended.
import { spawn } from "node:child_process";
import { once } from "node:events";

const PARTS = [["test:solidity"], ["test:ts", "test:e2e"]] as const;

/** Runs npm scripts one after another, all of them even when one fails. */
async function run(scripts: readonly string[], write: (chunk: Buffer) => void): Promise<boolean> {
  let isPassed = true;
  for (const script of scripts) {
    const child = spawn("npm", ["run", script], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", write);
    child.stderr.on("data", write);
    const [code] = await once(child, "close");
    isPassed &&= code === 0;
  }
  return isPassed;
}

const held: Buffer[] = [];
let show = (chunk: Buffer): void => {
  held.push(chunk);
};
const [first, second] = PARTS;
const later = run(second, (chunk) => show(chunk));
const now = await run(first, (chunk) => process.stdout.write(chunk));
for (const chunk of held) process.stdout.write(chunk);
show = (chunk) => process.stdout.write(chunk);
if (!((await later) && now)) process.exitCode = 1;
