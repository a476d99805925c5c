// Writes test/vectors/*.json: cases with the values src/protocol computes for them, which the Solidity tests check
// against the contracts. The cases come from a fixed seed. With --check it writes nothing and fails when what is
// committed is stale.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { vectorFiles } from "./vectors/cases.ts";

const folder = new URL("../test/vectors/", import.meta.url);
const isCheck = process.argv.includes("--check");
const stale: string[] = [];

await mkdir(folder, { recursive: true });
for (const [name, vectors] of Object.entries(await vectorFiles())) {
  const file = new URL(`${name}.json`, folder);
  const columns = Object.entries(vectors).map(
    ([column, values]) => `  ${JSON.stringify(column)}: ${JSON.stringify(values)}`,
  );
  const wanted = `{\n${columns.join(",\n")}\n}\n`;
  if ((await readFile(file, "utf8").catch(() => "")) === wanted) continue;
  stale.push(`${name}.json`);
  if (!isCheck) await writeFile(file, wanted);
}

if (stale.length === 0) console.log("vectors are up to date");
else if (isCheck) {
  console.error(`stale: ${stale.join(", ")}: run npm run vectors and commit the result`);
  process.exitCode = 1;
} else console.log(`written: ${stale.join(", ")}`);
