import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/**
 * What each folder of contracts/ may import besides itself. Calls go escrow → verifier → staking and models → token;
 * the other way round a contract knows an interface at most.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  types: [],
  token: [],
  libraries: ["types"],
  staking: ["types"],
  models: ["types"],
  // A verifier moves its earnings inside the escrow's ledger: the one call that goes back.
  verifiers: ["types", "staking", "models", "jobs"],
  jobs: ["types", "staking", "models"],
  // Earnings of calls and challengers' bonds go into the escrow's ledger too.
  calls: ["types", "libraries", "staking", "models", "jobs"],
  examples: ["types", "token", "libraries", "staking", "models", "verifiers", "jobs", "calls"],
};

const IMPORT = /^\s*import\s+(?:[^"';]*?\bfrom\s+)?["']([^"']+)["']/gm;

type Sources = ReadonlyMap<string, string>;

/** One line for each import in contracts/ that goes the wrong way, and for each import cycle. Empty: all is well. */
export function findWrongImports(sources: Sources): string[] {
  const imports = new Map([...sources].map(([path, source]) => [path, importsOf(path, source)]));
  const wrongWay = [...imports].flatMap(([from, targets]) =>
    targets.filter((to) => !isAllowed(from, to)).map((to) => `${from} must not import ${to}`),
  );
  return [...wrongWay, ...findCycles(imports)];
}

/** Paths of our own files that a file imports; packages are left out. */
function importsOf(path: string, source: string): string[] {
  return [...withoutComments(source).matchAll(IMPORT)].flatMap(([, target = ""]) => {
    if (target.startsWith(".")) return [normalize(join(dirname(path), target))];
    return target.startsWith("contracts/") ? [target] : [];
  });
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function isAllowed(from: string, to: string): boolean {
  const [, fromFolder = ""] = from.split("/");
  const [toRoot, toFolder = ""] = to.split("/");
  if (toRoot !== "contracts") return false;
  if (fromFolder === toFolder || isInterface(to)) return fromFolder !== "types" || toFolder === "types";
  return MAY_IMPORT[fromFolder]?.includes(toFolder) ?? false;
}

/** `IJobEscrow.sol`: an interface may be known from anywhere but types/, its contract may not. */
function isInterface(path: string): boolean {
  return /\/I[A-Z][^/]*\.sol$/.test(path);
}

function findCycles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push(`import cycle: ${[...trail.slice(start), path].join(" → ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return cycles;
}

if (import.meta.main) {
  const paths = globSync("contracts/**/*.sol");
  const wrong = findWrongImports(new Map(paths.map((path) => [path, readFileSync(path, "utf8")])));
  for (const line of wrong) console.error(line);
  console.log(`Solidity imports: ${paths.length} files, ${wrong.length} wrong`);
  process.exitCode = wrong.length > 0 || paths.length === 0 ? 1 : 0;
}
