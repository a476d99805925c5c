import { concat, type Hex, hexToBigInt } from "viem";
import { keccak256 } from "#keccak";
import { ProtocolError } from "./errors.ts";

/**
 * A Merkle tree whose pairs are sorted before they are hashed, as OpenZeppelin's `MerkleProof` expects: level by level from
 * the leaves, a last node without a partner goes up as it is.
 */
export type MerkleTree = {
  root: Hex;
  /** From the leaves to the root. */
  levels: readonly (readonly Hex[])[];
};

/** @throws ProtocolError `merkle/empty` */
export function merkleTree(leaves: readonly Hex[]): MerkleTree {
  if (leaves.length === 0)
    throw new ProtocolError("merkle/empty", "a tree of no leaves has no root: give one at least");
  const levels: Hex[][] = [[...leaves]];
  for (let level = levels[0] as Hex[]; level.length > 1; levels.push(level)) level = levelAbove(level);
  return { root: levels.at(-1)?.[0] as Hex, levels };
}

/** The siblings from a leaf up to the root. @throws ProtocolError `merkle/no-leaf` */
export function merkleProof({ levels }: MerkleTree, index: number): Hex[] {
  const leaves = levels[0] ?? [];
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) {
    throw new ProtocolError("merkle/no-leaf", `there is no leaf ${index}: give one from 0 to ${leaves.length - 1}`);
  }
  return levels.slice(0, -1).flatMap((level, height) => level[(index >> height) ^ 1] ?? []);
}

/** The root that a leaf and its siblings lead to. */
export function merkleRoot(leaf: Hex, proof: readonly Hex[]): Hex {
  return proof.reduce(hashPair, leaf);
}

function levelAbove(level: readonly Hex[]): Hex[] {
  return Array.from({ length: Math.ceil(level.length / 2) }, (_, index) => {
    const [left, right] = [level[2 * index] as Hex, level[2 * index + 1]];
    return right === undefined ? left : hashPair(left, right);
  });
}

function hashPair(a: Hex, b: Hex): Hex {
  return keccak256(hexToBigInt(a) < hexToBigInt(b) ? concat([a, b]) : concat([b, a]));
}
