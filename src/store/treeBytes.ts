import { hexToBytes } from "viem";
import type { MerkleTree } from "../protocol/merkle.ts";

const NODE_BYTES = 32;

/** A tree's nodes one after another, level by level, leaves first. */
export function treeBytes({ levels }: MerkleTree): Uint8Array {
  const nodes = levels.flat();
  const bytes = new Uint8Array(NODE_BYTES * nodes.length);
  for (const [at, node] of nodes.entries()) bytes.set(hexToBytes(node), NODE_BYTES * at);
  return bytes;
}

/** Where in {@link treeBytes} the nodes of a leaf's proof begin, from the leaf upwards; see `merkleProof`. */
export function proofPlaces(count: number, index: number): number[] {
  const places: number[] = [];
  let [start, size, at] = [0, count, index];
  while (size > 1) {
    const sibling = at ^ 1;
    if (sibling < size) places.push(NODE_BYTES * (start + sibling));
    start += size;
    size = Math.ceil(size / 2);
    at >>= 1;
  }
  return places;
}
