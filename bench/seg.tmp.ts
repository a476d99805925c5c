import hre from "hardhat";
import { measureGas, setStage } from "./gas/scenario.ts";
const stage: any = await setStage(hre);
const { steady } = await measureGas(stage);
const h: any = { open: steady.hashes.open, settle: steady.hashes.settle, commit: steady.hashes.commits[0], reveal: steady.hashes.reveals[0] };
for (const which of (process.env.WHICH ?? "open").split(",")) {
  const { steps } = await stage.trace(h[which]);
  let acc = 0, n = 0; console.log("==", which);
  for (const s of steps) {
    if (/^(SLOAD|SSTORE|TLOAD|TSTORE|CALL$|STATICCALL|LOG|KECCAK|CALLDATACOPY|MCOPY|RETURN|STOP|BLOCKHASH)/.test(s.op)) { console.log(`${acc.toString().padStart(6)} (${n}) -> d${s.depth} ${s.op} pc=${s.pc}`); acc = 0; n = 0; }
    else { acc += s.gasCost; n++; }
  }
}
