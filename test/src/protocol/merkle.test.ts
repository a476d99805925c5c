import { expect } from "chai";
import { concat, type Hex, keccak256, toHex } from "viem";
import { batchOf, batchWord, inclusionOf, leafOf } from "../../../src/protocol/batch.ts";
import { merkleProof, merkleRoot, merkleTree } from "../../../src/protocol/merkle.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const leaves = (count: number): Hex[] => Array.from({ length: count }, (_, index) => keccak256(toHex(`leaf ${index}`)));

/** OpenZeppelin's `MerkleProof.processProof`, written anew: each pair sorted, then hashed. */
function openZeppelinRoot(proof: readonly Hex[], leaf: Hex): Hex {
  let computed = leaf;
  for (const sibling of proof) computed = keccak256(concat([computed, sibling].sort() as Hex[]));
  return computed;
}

describe("a Merkle tree", () => {
  it("of 1 to 33 leaves has a proof for each, by OpenZeppelin's rule, and none for another", () => {
    for (let count = 1; count <= 33; count++) {
      const given = leaves(count);
      const tree = merkleTree(given);
      for (const [index, leaf] of given.entries()) {
        const proof = merkleProof(tree, index);
        expect(proof.length).to.be.at.most(Math.ceil(Math.log2(count)));
        expect(openZeppelinRoot(proof, leaf), `${index} of ${count}`).to.equal(tree.root);
        expect(merkleRoot(leaf, proof)).to.equal(tree.root);
        expect(merkleRoot(keccak256(leaf), proof)).not.to.equal(tree.root);
      }
    }
  });

  it("of one leaf is the leaf, of an odd number has the last go up as it is", () => {
    const [a, b, c] = leaves(3) as [Hex, Hex, Hex];
    const pair = (x: Hex, y: Hex) => keccak256(concat([x, y].sort() as Hex[]));
    expect(merkleTree([a])).to.deep.equal({ root: a, levels: [[a]] });
    expect(merkleProof(merkleTree([a]), 0)).to.deep.equal([]);
    expect(merkleTree([a, b]).root).to.equal(pair(a, b));
    expect(merkleTree([a, b, c]).root).to.equal(pair(pair(a, b), c));
    expect(merkleProof(merkleTree([a, b, c]), 2)).to.deep.equal([pair(a, b)]);
  });

  it("has the same root whichever of a pair comes first, another for any other leaf", () => {
    const [a, b, c, d] = leaves(4) as [Hex, Hex, Hex, Hex];
    expect(merkleTree([b, a, d, c]).root).to.equal(merkleTree([a, b, c, d]).root);
    expect(merkleTree([a, c, b, d]).root).not.to.equal(merkleTree([a, b, c, d]).root);
  });

  it("needs a leaf, and proves only those it has", async () => {
    await expectProtocolError("merkle/empty", () => merkleTree([]));
    for (const index of [-1, 3, 0.5, Number.NaN]) {
      await expectProtocolError("merkle/no-leaf", () => merkleProof(merkleTree(leaves(3)), index));
    }
  });
});

describe("a batch of receipts", () => {
  const ids = leaves(5);
  const content = batchOf(ids);

  it("publishes leaves, which are hashes of receipt ids, in order", () => {
    expect(content.count).to.equal(5);
    expect(content.data).to.equal(concat(ids.map((id) => keccak256(id))));
    expect(content.dataHash).to.equal(keccak256(content.data));
    expect(content.root).to.equal(merkleTree(ids.map(leafOf)).root);
  });

  it("shows of each receipt that it is in", () => {
    const { root, count, dataHash } = content;
    const batch = { number: 3, previousWord: 9n, root, count, dataHash };
    for (const [index, id] of ids.entries()) {
      const inclusion = inclusionOf(batch, content, index);
      expect(inclusion.batch).to.deep.equal(batch);
      expect(openZeppelinRoot(inclusion.proof, leafOf(id))).to.equal(root);
    }
  });

  it("has a word that everything of it goes into, with the time in the last five bytes", () => {
    const { root, count, dataHash } = content;
    const batch = { previousWord: 9n, root, count, dataHash };
    const word = batchWord(batch, 1_900_000_000);
    expect(word & (2n ** 40n - 1n)).to.equal(1_900_000_000n);
    const hashes = [
      batchWord(batch, 2 ** 40 - 1),
      batchWord({ ...batch, previousWord: 8n }, 0),
      batchWord({ ...batch, root: dataHash }, 0),
      batchWord({ ...batch, count: 6 }, 0),
      batchWord({ ...batch, dataHash: root }, 0),
    ].map((other) => other >> 40n);
    expect(hashes[0]).to.equal(word >> 40n);
    expect(new Set(hashes).size).to.equal(hashes.length);
  });
});
