import { expect } from "chai";
import { concat, type Hex, slice, toHex } from "viem";
import { receiptId } from "../../../src/protocol/receipt.ts";
import { checkSignature, recoverSigner } from "../../../src/protocol/signature.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import {
  callOf,
  GROUP_ORDER,
  RECEIPT_DOMAIN,
  SIGNER,
  STRANGER,
  signReceipt,
  withHighS,
} from "../../support/statements.ts";

const DIGEST = receiptId(callOf().receipt, RECEIPT_DOMAIN);
const word = (value: bigint): Hex => toHex(value, { size: 32 });

describe("a signature", () => {
  let signature: Hex;
  const refused = (given: Hex, what: "receipt" | "part" | "voucher" = "receipt") =>
    expectProtocolError(`${what}/signature`, () => checkSignature(DIGEST, given, SIGNER.address, what));

  before(async () => {
    ({ signature } = await signReceipt(callOf().receipt));
  });

  it("is the signer's", async () => {
    await checkSignature(DIGEST, signature, SIGNER.address, "receipt");
    await checkSignature(DIGEST, signature, SIGNER.address.toLowerCase() as Hex, "receipt");
    expect(await recoverSigner(DIGEST, signature, "receipt")).to.equal(SIGNER.address);
  });

  it("isn't another's, nor over something else; the message names both", async () => {
    const error = await expectProtocolError("receipt/signature", () =>
      checkSignature(DIGEST, signature, STRANGER.address, "receipt"),
    );
    expect(error.message).to.include(SIGNER.address).and.to.include(STRANGER.address);
    await expectProtocolError("part/signature", () => checkSignature(word(1n), signature, SIGNER.address, "part"));
  });

  it("has 65 bytes, hexadecimal digits only", async () => {
    await refused("0x");
    await refused(slice(signature, 0, 64));
    await refused(concat([signature, "0x00"]), "part");
    await refused(signature.slice(0, -1) as Hex, "voucher");
    await refused(`${signature}0` as Hex);
    for (const at of [4, 70, 130]) {
      await refused(`${signature.slice(0, at)}zz${signature.slice(at + 2)}` as Hex);
    }
    await refused(signature.slice(2) as Hex);
  });

  it("has v 27 or 28 and s in the lower half, as the contracts want", async () => {
    for (const v of ["00", "01", "1a", "1d", "ff"]) await refused(`${signature.slice(0, 130)}${v}` as Hex);
    await refused(withHighS(signature));
  });

  it("has r and s between zero and the order", async () => {
    const [r, s, v] = [slice(signature, 0, 32), slice(signature, 32, 64), slice(signature, 64)];
    for (const bad of [0n, GROUP_ORDER, 2n ** 256n - 1n]) {
      await refused(concat([word(bad), s, v]));
      await refused(concat([r, word(bad), v]));
    }
  });
});
