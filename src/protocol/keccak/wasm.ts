import hashWasm from "hash-wasm";
import { type Hex, hexToBytes } from "viem";

const hasher = await hashWasm.createKeccak(256);

/** As viem's, by WebAssembly: in a fifth of the time. */
export function keccak256(value: Hex | Uint8Array): Hex {
  const bytes = typeof value === "string" ? hexToBytes(value) : value;
  return `0x${hasher.init().update(bytes).digest("hex")}`;
}
