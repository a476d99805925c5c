import { expect } from "chai";
import { type Hex, keccak256, numberToHex, stringToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { localKeyOf } from "../../../src/chain/localKey.ts";

describe("a key that is here", () => {
  it("signs digests as viem does, to the byte", async () => {
    for (let n = 1; n <= 200; n++) {
      const privateKey = n === 1 ? numberToHex(1, { size: 32 }) : keccak256(stringToHex(`key ${n}`));
      const hash: Hex = keccak256(stringToHex(`digest ${n}`));
      const [ours, viems] = [localKeyOf(privateKey), privateKeyToAccount(privateKey)];
      expect(ours.address).to.equal(viems.address);
      expect(await ours.sign({ hash }), `digest ${n}`).to.equal(await viems.sign({ hash }));
    }
  });

  it("refuses what is no key, as viem does", () => {
    expect(() => localKeyOf(numberToHex(0, { size: 32 }))).to.throw();
  });
});
