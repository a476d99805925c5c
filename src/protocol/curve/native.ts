import { recover } from "tiny-secp256k1";
import { bytesToHex, type Hex, hexToBytes } from "viem";
import { publicKeyToAddress } from "viem/accounts";
import type { Recover } from "./recover.ts";

/** By libsecp256k1, compiled to WebAssembly: several times as fast as JavaScript. */
export const recoverAddress: Recover = async (digest, { r, s, v }) => {
  const key = recover(hexToBytes(digest), hexToBytes(`${r}${s.slice(2)}`), v === 28 ? 1 : 0, false);
  if (key === null) throw new Error("no key");
  return publicKeyToAddress(bytesToHex(key) as Hex);
};
