import { readFileSync } from "node:fs";

/** What is wrong with the demo's standard output, which must be one JSON object and nothing else; undefined: nothing. */
export function findFault(output: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    return `not one JSON value: ${JSON.stringify(output.slice(0, 200))}`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not a JSON object";
  return Object.keys(value).length === 0 ? "an empty object" : undefined;
}

// node scripts/checks/demoOutput.ts <file>
if (import.meta.main) {
  const fault = findFault(readFileSync(process.argv[2] ?? 0, "utf8"));
  if (fault !== undefined) console.error(`demo output: ${fault}`);
  process.exitCode = fault === undefined ? 0 : 1;
}
