import { expect } from "chai";
import {
  bytesToHex,
  type Hex,
  hashTypedData,
  keccak256,
  keccak256 as keccakOfViem,
  numberToHex,
  stringToHex,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { libsecp256k1 } from "../../../src/protocol/curve/libsecp256k1.ts";
import { recoverAddress as recoverNatively } from "../../../src/protocol/curve/native.ts";
import { recoverAddress as recoverPortably } from "../../../src/protocol/curve/portable.ts";
import { flatDigest } from "../../../src/protocol/eip712.ts";
import { keccak256 as keccakOfWasm } from "../../../src/protocol/keccak/wasm.ts";
import { signatureParts } from "../../../src/protocol/signature.ts";

const digestOf = (n: number): Hex => keccak256(stringToHex(`digest ${n}`));

describe("what is computed by faster ways than viem's", () => {
  it("is the same hash, of bytes and of hex", () => {
    for (let length = 0; length <= 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, at) => (at * 31 + length) % 256);
      expect(keccakOfWasm(bytes), `${length} bytes`).to.equal(keccakOfViem(bytes));
      expect(keccakOfWasm(bytesToHex(bytes))).to.equal(keccakOfViem(bytes));
    }
    expect(() => keccakOfWasm("0xzz")).to.throw();
  });

  it("is the same signer, and none where there is none", async () => {
    // The platforms of README's table have the native build; elsewhere these two are one.
    if (["linux x64", "darwin arm64", "win32 x64"].includes(`${process.platform} ${process.arch}`)) {
      expect(libsecp256k1).to.not.equal(undefined);
    }
    for (let n = 1; n <= 100; n++) {
      const account = privateKeyToAccount(digestOf(n));
      const parts = signatureParts(await account.sign({ hash: digestOf(n) }), "receipt");
      const turned = { ...parts, v: parts.v === 27 ? 28 : 27 } as const;
      expect(await recoverNatively(digestOf(n), parts)).to.equal(account.address);
      expect(await recoverNatively(digestOf(n), turned)).to.equal(await recoverPortably(digestOf(n), turned));
    }
    const { s } = signatureParts(await privateKeyToAccount(digestOf(1)).sign({ hash: digestOf(1) }), "receipt");
    const order = numberToHex(2n ** 256n - 0x14551231950b75fc4402da1732fc9bebfn, { size: 32 });
    for (const r of [numberToHex(0, { size: 32 }), numberToHex(5, { size: 32 }), order] as const) {
      for (const recover of [recoverNatively, recoverPortably]) {
        const failure = await recover(digestOf(1), { r, s, v: 27 }).catch((error: unknown) => error);
        expect(failure, `r = ${r}`).to.be.instanceOf(Error);
      }
    }
  });

  const FIELDS = [
    { name: "who", type: "address" },
    { name: "count", type: "uint32" },
    { name: "amount", type: "uint128" },
    { name: "hash", type: "bytes32" },
    { name: "text", type: "string" },
  ] as const;
  const DOMAIN = { name: "Test", version: "1", chainId: 5, verifyingContract: numberToHex(7, { size: 20 }) } as const;
  const WHO = privateKeyToAccount(digestOf(1)).address;
  const MESSAGE = { who: WHO, count: 2 ** 32 - 1, amount: 2n ** 128n - 1n, hash: digestOf(2), text: "añ€" };

  it("is the same digest of a struct", () => {
    const messages = [
      MESSAGE,
      { ...MESSAGE, who: MESSAGE.who.toLowerCase() as Hex, count: 0, amount: 0n, text: "" },
      { ...MESSAGE, hash: digestOf(3).toUpperCase().replace("0X", "0x") as Hex },
    ];
    for (const message of messages) {
      const wanted = hashTypedData({ domain: DOMAIN, types: { Thing: FIELDS }, primaryType: "Thing", message });
      expect(flatDigest(DOMAIN, "Thing", FIELDS, message)).to.equal(wanted);
    }
  });

  it("is no digest of what the struct's types don't hold", () => {
    const wrong = [
      ...[{ count: 2 ** 32 }, { count: -1 }, { count: 1.5 }, { count: "1" }, { amount: 2n ** 128n }, { amount: -1n }],
      ...[{ who: "0x12" }, { who: WHO.replace(/[a-f]/, (digit) => digit.toUpperCase()) }, { hash: "0x12" }],
      ...[{ hash: `0x${"z".repeat(64)}` }, { text: undefined }],
    ];
    for (const change of wrong) {
      expect(
        () => flatDigest(DOMAIN, "Thing", FIELDS, { ...MESSAGE, ...change }),
        String(Object.entries(change)),
      ).to.throw();
    }
  });
});
