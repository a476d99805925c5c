// npm test, after the build: the Solidity tests beside the TypeScript ones and the end-to-end ones, which mostly wait for
// blocks. Each part's output comes in one piece: the first as it is written, the others' once those before have ended.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PARTS = ["test:solidity", "test:ts", "test:e2e"] as const;

const COMPILE_CACHE = fileURLToPath(new URL("../cache/compiled", import.meta.url));

type Part = { isPassed: Promise<boolean>; show: () => void };

/** Starts an npm script; what it writes is held back until it is to be shown. */
function start(script: string): Part {
  const held: Buffer[] = [];
  let write = (chunk: Buffer): void => {
    held.push(chunk);
  };
  // Many tests start processes, which all load the same files.
  const env = { ...process.env, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? COMPILE_CACHE };
  const child = spawn("npm", ["run", script], { stdio: ["ignore", "pipe", "pipe"], env });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => write(chunk));
  const show = () => {
    for (const chunk of held) process.stdout.write(chunk);
    write = (chunk) => process.stdout.write(chunk);
  };
  return { isPassed: once(child, "close").then(([code]) => code === 0), show };
}

for (const { isPassed, show } of PARTS.map(start)) {
  show();
  if (!(await isPassed)) process.exitCode = 1;
}
