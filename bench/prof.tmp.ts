import { readFileSync, readdirSync } from "node:fs";
import hre from "hardhat";
import { measureGas, setStage } from "./gas/scenario.ts";
const stage: any = await setStage(hre);
const { steady } = await measureGas(stage);
const dir = new URL("../artifacts/build-info/", import.meta.url);
const art = (p: string) => JSON.parse(readFileSync(new URL(`../artifacts/contracts/${p}`, import.meta.url), "utf8"));
const E = art("jobs/JobEscrow.sol/../JobEscrow.sol/JobEscrow.json".replace("JobEscrow.sol/../", "")), V = art("verifiers/CommitRevealVerifier.sol/CommitRevealVerifier.json");
function mapper(a: any) {
  const id = a.buildInfoId;
  const input = JSON.parse(readFileSync(new URL(`${id}.json`, dir), "utf8"));
  const out = JSON.parse(readFileSync(new URL(`${id}.output.json`, dir), "utf8"));
  const c = out.output.contracts[a.inputSourceName][a.contractName].evm.deployedBytecode;
  const ids: Record<number, string> = {};
  for (const [n, s] of Object.entries<any>(out.output.sources)) ids[s.id] = n;
  const code = Buffer.from(c.object.replace(/__\$.*?\$__/g, "0".repeat(40)), "hex");
  const pcToIdx: number[] = []; let idx = 0;
  for (let pc = 0; pc < code.length; pc++, idx++) { pcToIdx[pc] = idx; const op = code[pc]!; if (op >= 0x60 && op <= 0x7f) pc += op - 0x5f; }
  const entries: [number, number, number][] = []; let cur = [0, 0, -1];
  for (const part of c.sourceMap.split(";")) { const f = part.split(":"); cur = cur.map((v, i) => (f[i] ? Number(f[i]) : v)); entries.push([cur[0]!, cur[1]!, cur[2]!]); }
  const texts: Record<string, string> = {};
  return (pc: number) => {
    const e = entries[pcToIdx[pc] ?? -1]; if (!e || e[2] < 0) return "gen";
    const name = ids[e[2]] ?? "?" + e[2];
    const src = input.input.sources[name]?.content; if (!src) return name;
    const buf = Buffer.from(src); const line = buf.subarray(0, e[0]).toString().split("\n").length;
    const text = buf.subarray(e[0], e[0] + e[1]).toString().replace(/\s+/g, " ").slice(0, 70);
    return `${name.split("/").pop()}:${line} ${text}`;
  };
}
const mE = mapper(E), mV = mapper(V);
for (const which of (process.env.WHICH ?? "open").split(",")) {
  const h: any = { open: steady.hashes.open, settle: steady.hashes.settle, commit: steady.hashes.commits[0], reveal: steady.hashes.reveals[0] };
  const { steps } = await stage.trace(h[which]);
  const top = which === "open" || which === "settle" ? [mE, mV] : [mV, mV];
  const by: Record<string, [number, number]> = {}; let sum = 0;
  for (const s of steps) {
    if (/^(SLOAD|SSTORE|CALL|STATICCALL|LOG|KECCAK256|TLOAD|TSTORE)/.test(s.op)) continue;
    const k = s.depth + " " + top[s.depth - 1]!(s.pc); const e = (by[k] ??= [0, 0]); e[0]++; e[1] += s.gasCost; sum += s.gasCost;
  }
  console.log(`== ${which} computing ${sum}`);
  for (const [k, [n, g]] of Object.entries(by).sort((a, b) => b[1][1] - a[1][1]).slice(0, Number(process.env.N ?? 45))) console.log(String(g).padStart(6), String(n).padStart(5), k);
}
