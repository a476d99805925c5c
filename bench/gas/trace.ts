import { type Address, type Hex, hexToBytes, hexToNumber } from "viem";

type Provider = { request(args: { method: string; params: unknown[] }): Promise<unknown> };
type Step = { op: string; gas: number; gasCost: number; depth: number; stack: string[] };
type CallFrame = { to: Address; gasUsed: Hex; calls?: CallFrame[] };
export type Trace = { steps: Step[]; calls: CallFrame };

/** What one transaction's gas was spent on. The parts add up to `total`. */
export type GasItems = {
  /** What every transaction costs. */
  base: number;
  calldata: number;
  /** First look at a slot, or at another contract. */
  coldAccess: number;
  /** Slots that get another value than they had; those that were zero cost 17,100 more each. */
  storageWrites: number;
  /** Slots and contracts looked at again, and transient storage. */
  warmAccess: number;
  hashing: number;
  events: number;
  /** Memory, arithmetic, jumps: the code itself. */
  computing: number;
  total: number;
  /** Slots that were zero and are so no more. */
  freshSlots: number;
};

const BASE = 21_000;
const CALLDATA_ZERO = 4;
const CALLDATA_NONZERO = 16;
const COLD_SLOT = 2_100;
const COLD_ACCOUNT = 2_600;
const WARM = 100;
const FRESH_SLOT = 20_000;
const RESET_SLOT = 2_900;
const CALLS = new Set(["CALL", "STATICCALL", "DELEGATECALL", "CALLCODE"]);
const LOOKS = new Set(["EXTCODESIZE", "EXTCODEHASH", "EXTCODECOPY", "BALANCE"]);
const FIRST_OWN_ADDRESS = 0x1000n;

export async function traceOf(provider: Provider, hash: Hex): Promise<Trace> {
  const [{ structLogs }, calls] = (await Promise.all([
    provider.request({
      method: "debug_traceTransaction",
      params: [hash, { disableMemory: true, disableStorage: true }],
    }),
    provider.request({ method: "debug_traceTransaction", params: [hash, { tracer: "callTracer" }] }),
  ])) as [{ structLogs: Step[] }, CallFrame];
  return { steps: structLogs, calls };
}

/** Gas of the first call to `target` inside a transaction. */
export function gasOfCall({ calls }: Trace, target: Address): number {
  const pending = [calls];
  for (let frame = pending.pop(); frame !== undefined; frame = pending.pop()) {
    if (frame.to.toLowerCase() === target.toLowerCase()) return hexToNumber(frame.gasUsed);
    pending.push(...(frame.calls ?? []));
  }
  throw new Error(`no call to ${target} in the trace`);
}

export function itemise({ steps, calls }: Trace, calldata: Hex, total: number): GasItems {
  const seen = new Set([BigInt(calls.to)]);
  const items = { coldAccess: 0, storageWrites: 0, warmAccess: 0, hashing: 0, events: 0, freshSlots: 0 };
  for (const { op, gasCost, stack } of steps) {
    if (op === "SLOAD") add(items, gasCost >= COLD_SLOT ? COLD_SLOT : 0, gasCost >= COLD_SLOT ? 0 : gasCost);
    else if (op === "SSTORE") addWrite(items, gasCost);
    else if (op === "TLOAD" || op === "TSTORE") items.warmAccess += gasCost;
    else if (op === "KECCAK256" || op === "SHA3") items.hashing += gasCost;
    else if (op.startsWith("LOG")) items.events += gasCost;
    else if (CALLS.has(op) || LOOKS.has(op)) {
      const account = BigInt(`0x${(stack.at(CALLS.has(op) ? -2 : -1) as string).replace(/^0x/, "")}`);
      // Precompiles are always warm.
      const isCold = account >= FIRST_OWN_ADDRESS && !seen.has(account);
      seen.add(account);
      add(items, isCold ? COLD_ACCOUNT : 0, isCold ? 0 : WARM);
    }
  }
  const bytes = hexToBytes(calldata);
  const nonzero = bytes.filter((byte) => byte !== 0).length;
  const paid = nonzero * CALLDATA_NONZERO + (bytes.length - nonzero) * CALLDATA_ZERO;
  const { coldAccess, storageWrites, warmAccess, hashing, events, freshSlots } = items;
  const computing = total - BASE - paid - coldAccess - storageWrites - warmAccess - hashing - events;
  if (computing < 0) throw new Error(`the parts of a transaction are ${-computing} gas more than the whole`);
  return {
    ...{ base: BASE, calldata: paid, coldAccess, storageWrites, warmAccess, hashing, events, computing },
    ...{ total, freshSlots },
  };
}

function add(items: { coldAccess: number; warmAccess: number }, cold: number, warm: number): void {
  items.coldAccess += cold;
  items.warmAccess += warm;
}

/** A write's cost tells what it was: the first look at the slot, and whether its value changed, from zero or not. */
function addWrite(items: Omit<GasItems, "base" | "calldata" | "computing" | "total">, gasCost: number): void {
  const isCold = [COLD_SLOT + FRESH_SLOT, COLD_SLOT + RESET_SLOT, COLD_SLOT + WARM].includes(gasCost);
  const cost = isCold ? gasCost - COLD_SLOT : gasCost;
  if (isCold) items.coldAccess += COLD_SLOT;
  if (cost === WARM) items.warmAccess += cost;
  else if (cost === RESET_SLOT || cost === FRESH_SLOT) items.storageWrites += cost;
  else throw new Error(`a storage write of ${gasCost} gas isn't one that is known`);
  if (cost === FRESH_SLOT) items.freshSlots += 1;
}
