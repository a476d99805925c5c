import { readFileSync } from "node:fs";
import type { GasCases, JobGas, Stage } from "./scenario.ts";
import type { GasItems } from "./trace.ts";

type Peers = {
  measured: string;
  onePaidJob: { peer: string; gas: number; amsterdam: number | null; nearest?: string }[];
  floor: { what: string; resultInReusedSlot: number };
  /** Gas of each in a batch of 1, 10, 100 and 1,000. */
  batches: { peer: string; gas: (number | null)[] }[];
  batchFloor: { what: string; gas: number[] };
};

const PEERS: Peers = JSON.parse(readFileSync(new URL("../peers.json", import.meta.url), "utf8"));
const OURS = ["job, three operators, reveals carried, total", "job, three operators, total"];
/** What ours costs in batches of 1, 10, 100 and 1,000; null: not measured. */
const OUR_BATCHES: { name: string; cases: (string | null)[] }[] = [
  {
    name: "vouchers claimed alone",
    cases: ["voucher alone, of 1", "voucher alone, of 10", "voucher alone, of 100", null],
  },
  {
    name: "receipts of 10 payers with one voucher each, anchored and claimed in one transaction",
    cases: [null, "receipt, 10 from 10 payers", "receipt, 100 from 10 payers", "receipt, 1,000 from 10 payers"],
  },
];
const COLUMNS = [
  "base",
  "calldata",
  "coldAccess",
  "storageWrites",
  "warmAccess",
  "hashing",
  "events",
  "computing",
] as const;
const HEADINGS = ["base", "calldata", "first looks", "writes", "later looks", "hashing", "events", "computing"];

/** What each step of a steady job spent its gas on. */
export async function itemsOf({ itemsOf: items }: Stage, { hashes }: JobGas): Promise<Record<string, GasItems>> {
  const { open, commits, reveals, settle } = hashes;
  const steps: [string, `0x${string}`][] = [
    ["open", open],
    ...commits.map((hash, seat): [string, `0x${string}`] => [`commit, seat ${seat}`, hash]),
    ...reveals.map((hash, index): [string, `0x${string}`] => [`reveal, seat ${index + 1}`, hash]),
    ["settle, reveal of seat 0 inside", settle],
  ];
  const found = await Promise.all(steps.map(async ([name, hash]) => [name, await items(hash)] as const));
  return Object.fromEntries(found);
}

/** Ours and the peers', cheapest first. */
export function besidePeers(cases: GasCases): string {
  return peerRows(cases)
    .map(([gas, name]) => `${gas.padStart(11)} ${name}`)
    .join("\n");
}

/** The document with its tables as measured; what stands between the markers is replaced. */
export function withTables(document: string, cases: GasCases, items: Record<string, GasItems>): string {
  const text = replaced(
    document,
    "batches",
    table(["each in a batch of", "1", "10", "100", "1,000"], batchRows(cases)),
  );
  const peers = table(["gas", "one paid job, steady state"], peerRows(cases));
  const rows = Object.entries(items).map(([step, item]) => [
    step,
    ...COLUMNS.map((column) => figure(item[column])),
    figure(item.total),
  ]);
  return replaced(replaced(text, "peers", peers), "items", table(["step", ...HEADINGS, "total"], rows));
}

function peerRows(cases: GasCases): [string, string][] {
  const floor = { gas: PEERS.floor.resultInReusedSlot, name: `the floor (${PEERS.floor.what})` };
  const peers = PEERS.onePaidJob.map(({ peer, gas, nearest }) => ({
    gas,
    name: nearest ? `${peer}: ${nearest}` : peer,
  }));
  const ours = OURS.map((name) => ({ gas: cases[name] ?? 0, name: `**ours: ${name}**` }));
  return [floor, ...peers, ...ours].sort((a, b) => a.gas - b.gas).map(({ gas, name }) => [figure(gas), name]);
}

function batchRows(cases: GasCases): string[][] {
  const cell = (gas: number | null | undefined) => (gas === null || gas === undefined ? "" : figure(gas));
  return [
    [`the floor (${PEERS.batchFloor.what})`, ...PEERS.batchFloor.gas.map(cell)],
    ...OUR_BATCHES.map(({ name, cases: ours }) => [
      `**ours: ${name}**`,
      ...ours.map((key) => cell(key === null ? null : cases[key])),
    ]),
    ...PEERS.batches.map(({ peer, gas }) => [peer, ...gas.map(cell)]),
  ];
}

function table(headings: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(headings), line(headings.map((_, index) => (index === 0 ? "---" : "--:"))), ...rows.map(line)].join(
    "\n",
  );
}

function replaced(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/gas.md has no ${start} … ${end}`);
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`;
}

function figure(value: number): string {
  return value.toLocaleString("en-US");
}
