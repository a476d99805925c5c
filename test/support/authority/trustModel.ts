import { readFileSync } from "node:fs";

export type PrivilegedRow = { role: string; delay: string };

/** The tables of `docs/trust-model.md`, by function as `Contract.function`. */
export type TrustModel = {
  privileged: Map<string, PrivilegedRow>;
  /** Functions that serve only one caller, and whom. */
  oneCaller: Map<string, string>;
};

export function readTrustModel(): string {
  return readFileSync("docs/trust-model.md", "utf8");
}

/** A first cell may name several functions, each in backticks. */
export function parseTrustModel(text: string): TrustModel {
  const privileged = new Map<string, PrivilegedRow>();
  const oneCaller = new Map<string, string>();
  for (const { header, cells } of rowsOf(text)) {
    const cell = (column: string) => cells[header.indexOf(column)] ?? "";
    for (const [, name = ""] of cell("function").matchAll(/`([^`]+)`/g)) {
      if (privileged.has(name) || oneCaller.has(name)) throw new Error(`docs/trust-model.md names ${name} twice`);
      if (header.includes("role")) privileged.set(name, { role: cell("role"), delay: cell("delay") });
      else oneCaller.set(name, cell("caller"));
    }
  }
  return { privileged, oneCaller };
}

function rowsOf(text: string): { header: string[]; cells: string[] }[] {
  const rows: { header: string[]; cells: string[] }[] = [];
  let header: string[] | undefined;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) {
      header = undefined;
      continue;
    }
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (header === undefined) header = cells;
    else if (header[0] === "function" && !/^-+$/.test(cells[0] ?? "")) rows.push({ header, cells });
  }
  return rows;
}
