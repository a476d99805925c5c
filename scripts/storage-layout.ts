// Writes the storage layout of every deployed contract to snapshots/storage, as the locked compiler sees it. With --check it
// writes nothing and fails when what is committed is stale: a contract's storage changes only when somebody meant it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import solc from "solc";

type StorageLayout = {
  storage: { label: string; offset: number; slot: string; type: string }[];
  types: Record<
    string,
    { label: string; numberOfBytes: string; members?: StorageLayout["storage"]; value?: string }
  > | null;
};

const CONTRACTS = {
  JobEscrow: "contracts/jobs/JobEscrow.sol",
  OperatorStaking: "contracts/staking/OperatorStaking.sol",
  CommitRevealVerifier: "contracts/verifiers/CommitRevealVerifier.sol",
  VoucherEscrow: "contracts/calls/VoucherEscrow.sol",
  ReceiptLog: "contracts/calls/ReceiptLog.sol",
  OPG: "contracts/token/OPG.sol",
};

const root = new URL("../", import.meta.url);
const require = createRequire(import.meta.url);
const isCheck = process.argv.includes("--check");
const stale: string[] = [];

for (const [name, source] of Object.entries(CONTRACTS)) {
  const path = `snapshots/storage/${name}.txt`;
  const wanted = render(name, layoutOf(name, source));
  if (readIfThere(path) === wanted) continue;
  stale.push(path);
  if (isCheck) continue;
  mkdirSync(new URL("snapshots/storage/", root), { recursive: true });
  writeFileSync(new URL(path, root), wanted);
}

if (stale.length === 0) console.log("storage layouts are up to date");
else if (isCheck) {
  console.error(
    `stale: ${stale.join(", ")}: if the change of storage is meant, run npm run layout and commit the result`,
  );
  process.exitCode = 1;
} else console.log(`written: ${stale.join(", ")}`);

function layoutOf(name: string, source: string): StorageLayout {
  const input = {
    language: "Solidity",
    sources: { [source]: { content: read(source) } },
    settings: { evmVersion: "cancun", outputSelection: { [source]: { [name]: ["storageLayout"] } } },
  };
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), { import: (path: string) => ({ contents: read(path) }) }),
  );
  const errors = (output.errors ?? []).filter(({ severity }: { severity: string }) => severity === "error");
  if (errors.length > 0)
    throw new Error(errors.map((error: { formattedMessage: string }) => error.formattedMessage).join("\n"));
  return output.contracts[source][name].storageLayout;
}

/** One line for each variable, and below it for each member of a struct. The compiler's own numbers are left out. */
function render(name: string, { storage, types }: StorageLayout): string {
  const lines = [`${name}: slot, offset in bytes, size in bytes, type, name`];
  const add = (entries: StorageLayout["storage"], indent: string) => {
    for (const { label, offset, slot, type } of entries) {
      const known = types?.[type];
      lines.push(`${indent}${slot} ${offset} ${known?.numberOfBytes ?? "?"} ${known?.label ?? type} ${label}`);
    }
  };
  add(storage, "");
  for (const [, { label, members }] of Object.entries(types ?? {}).sort(([, a], [, b]) =>
    a.label < b.label ? -1 : 1,
  )) {
    if (members === undefined) continue;
    lines.push("", label);
    add(members, "  ");
  }
  return `${lines.join("\n")}\n`;
}

function read(path: string): string {
  return readFileSync(path.startsWith("contracts/") ? new URL(path, root) : require.resolve(path), "utf8");
}

function readIfThere(path: string): string {
  try {
    return readFileSync(new URL(path, root), "utf8");
  } catch {
    return "";
  }
}
