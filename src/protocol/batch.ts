import { concat, encodeAbiParameters, type Hex, numberToHex } from "viem";
import { keccak256 } from "#keccak";
import { type MerkleTree, merkleProof, merkleTree } from "./merkle.ts";

/** A batch of receipts as its anchoring tells it; viem's mapping of `Batch` in `contracts/calls/IReceiptLog.sol`. */
export type Batch = {
  /** Of the operator's batches, from zero. */
  number: number;
  /** The word of the batch before; zero for the first. */
  previousWord: bigint;
  root: Hex;
  count: number;
  dataHash: Hex;
};

/** What shows that a receipt is in a batch. */
export type Inclusion = { batch: Batch; proof: Hex[] };

/** A batch's tree and what is published of it: leaf hashes only. */
export type BatchContent = { tree: MerkleTree; root: Hex; count: number; dataHash: Hex; data: Hex };

const TIME_BITS = 40n;

/** A receipt's leaf. Hashed, so that no inner node (64 bytes) can pass for one (32 bytes). */
export function leafOf(receiptId: Hex): Hex {
  return keccak256(receiptId);
}

/**
 * The tree over receipts, in the order given, and the batch's data: the leaves one after another.
 *
 * @throws ProtocolError `merkle/empty`
 */
export function batchOf(receiptIds: readonly Hex[]): BatchContent {
  const leaves = receiptIds.map(leafOf);
  const tree = merkleTree(leaves);
  const data = concat(leaves);
  return { tree, root: tree.root, count: leaves.length, dataHash: keccak256(data), data };
}

/** What shows that the receipt at `index` of a batch's content is in the batch. */
export function inclusionOf(batch: Batch, content: BatchContent, index: number): Inclusion {
  return { batch, proof: merkleProof(content.tree, index) };
}

/** When the batch of a word was anchored, unix seconds; zero for an empty place. */
export function anchoredAtOf(word: bigint): number {
  return Number(word & ((1n << TIME_BITS) - 1n));
}

/** The word an operator's ring keeps of a batch: 216 bits of hash, over the batch and the word before, and its time. */
export function batchWord({ previousWord, root, count, dataHash }: Omit<Batch, "number">, anchoredAt: number): bigint {
  const hash = keccak256(
    encodeAbiParameters(
      [{ type: "uint256" }, { type: "bytes32" }, { type: "uint256" }, { type: "bytes32" }],
      [previousWord, root, BigInt(count), dataHash],
    ),
  );
  return ((BigInt(hash) >> TIME_BITS) << TIME_BITS) | BigInt(numberToHex(anchoredAt));
}
