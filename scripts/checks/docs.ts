import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const DOCUMENTS = ["README.md", "docs/**/*.md", "models/README.md"];
const FOLDERS = [
  "\\.ci",
  "bench",
  "contracts",
  "deploy",
  "docs",
  "models",
  "scripts",
  "snapshots",
  "src",
  "test",
  "web",
];
const PATH = new RegExp(`^(?:${FOLDERS.join("|")})/[^\\s]*$`);
/** `scripts/<name>.ts`, `src/…`, `$HOME`: stands for many paths, so there is none to look for. */
const PLACEHOLDER = /[<>…$]/;

/** Every path of the repository that a document names: in backticks from the root, in links from the document. */
export function findPaths(document: string, text: string): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "");
  const quoted = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code.replace(/:\d+(-\d+)?$/, ""));
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target.replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
    .map((target) => join(dirname(document), target));
  const named = quoted.filter((code) => PATH.test(code) && !PLACEHOLDER.test(code)).flatMap(expandBraces);
  return [...new Set([...named, ...links])];
}

/** `types/{Job,Receipt}.sol` names two files, and both must be there. */
function expandBraces(path: string): string[] {
  const [whole, inside] = /\{([^{}]*)\}/.exec(path) ?? [];
  if (whole === undefined || inside === undefined) return [path];
  return inside.split(",").flatMap((part) => expandBraces(path.replace(whole, part.trim())));
}

/** Paths a document names that don't exist under root; a pattern exists when it matches something. */
export function findMissing(root: string, document: string, text: string): string[] {
  return findPaths(document, text).filter((path) =>
    path.includes("*") ? globSync(path, { cwd: root }).length === 0 : !existsSync(join(root, path)),
  );
}

/** Commands a document tells to run, with `npm run`, that aren't among these. */
export function findUnknownCommands(known: readonly string[], text: string): string[] {
  const told = [...text.matchAll(/npm run (?:--silent )?([a-z][a-z:-]*)/g)].map(([, command = ""]) => command);
  return [...new Set(told)].filter((command) => !known.includes(command));
}

if (import.meta.main) {
  const documents = globSync(DOCUMENTS);
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  const missing = documents.flatMap((document) => {
    const text = readFileSync(document, "utf8");
    return [
      ...findMissing(".", document, text).map((path) => `${document} names ${path}: no such path`),
      ...findUnknownCommands(Object.keys(scripts), text).map((command) => `${document}: no such command, ${command}`),
    ];
  });
  for (const line of missing) console.error(line);
  console.log(`Docs: ${documents.length} documents, ${missing.length} missing paths and commands`);
  process.exitCode = missing.length > 0 || documents.length === 0 ? 1 : 0;
}
