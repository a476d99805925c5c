import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Abi, Hex } from "viem";
import type { Compiled } from "./deployed.ts";

/** One piece of a source replaced by another. */
export type Patch = { file: string; from: string; to: string };

type Output = {
  errors?: { severity: string; formattedMessage: string }[];
  contracts?: Record<string, Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>>;
};
type Solc = { compile(input: string, callbacks: { import(path: string): { contents: string } }): string };

// The compiler that is locked, as in `hardhat.config.ts`.
const require = createRequire(import.meta.url);

/** The text with the patch in it; a patch that fits nowhere, or twice, is refused. */
export function patched(text: string, { file, from, to }: Patch): string {
  const [before, after, ...more] = text.split(from);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${file} has ${more.length > 0 ? "several places" : "no place"} for the patch: ${from}`);
  }
  return before + to + after;
}

/** A contract compiled from its sources with a patch, which stay as they are. Not optimized: that takes seconds. */
export function compileMutant(file: string, contract: string, patch?: Patch): Compiled {
  const read = (path: string) => {
    const text = readFileSync(path.startsWith("@") ? `node_modules/${path}` : path, "utf8");
    return path === patch?.file ? patched(text, patch) : text;
  };
  const input = {
    language: "Solidity",
    sources: { [file]: { content: read(file) } },
    settings: {
      viaIR: true,
      evmVersion: "cancun",
      outputSelection: { [file]: { [contract]: ["abi", "evm.bytecode.object"] } },
    },
  };
  const solc = require("solc") as Solc;
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), { import: (path) => ({ contents: read(path) }) }),
  ) as Output;
  const errors = output.errors?.filter(({ severity }) => severity === "error") ?? [];
  const compiled = output.contracts?.[file]?.[contract];
  if (errors.length > 0 || compiled === undefined) {
    throw new Error(
      `${contract} doesn't compile: ${errors.map(({ formattedMessage }) => formattedMessage).join("\n")}`,
    );
  }
  return { abi: compiled.abi, bytecode: `0x${compiled.evm.bytecode.object}` as Hex };
}
