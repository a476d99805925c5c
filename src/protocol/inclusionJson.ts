import { type Hex, numberToHex } from "viem";
import type { Inclusion } from "./batch.ts";
import { type JsonFields, maxOf } from "./jsonFields.ts";

/** An inclusion as JSON has it, see `docs/receipts.md`. */
export type InclusionJson = {
  number: number;
  previousWord: Hex;
  root: Hex;
  count: number;
  dataHash: Hex;
  proof: readonly Hex[];
};

/** A tree over 2^32 leaves has so many levels below its root. */
const MAX_PROOF_LENGTH = 32;

export function readInclusion(read: JsonFields, at: string, value: unknown): Inclusion {
  const fields = read.object(at, value, ["number", "previousWord", "root", "count", "dataHash", "proof"]);
  return {
    batch: {
      number: read.number(`${at}.number`, fields.number, maxOf(48)),
      previousWord: BigInt(read.bytes(`${at}.previousWord`, fields.previousWord, 32)),
      root: read.bytes(`${at}.root`, fields.root, 32),
      count: read.number(`${at}.count`, fields.count, maxOf(32), 1),
      dataHash: read.bytes(`${at}.dataHash`, fields.dataHash, 32),
    },
    proof: read.list(`${at}.proof`, fields.proof, MAX_PROOF_LENGTH, (place, item) => read.bytes(place, item, 32)),
  };
}

export function inclusionToJson({ batch, proof }: Inclusion): InclusionJson {
  const { number, previousWord, root, count, dataHash } = batch;
  return { number, previousWord: numberToHex(previousWord, { size: 32 }), root, count, dataHash, proof };
}
