import { type Address, type Hex, isAddressEqual, isHex, slice } from "viem";
import { recoverAddress } from "#curve";
import { ProtocolError } from "./errors.ts";

/** What is signed, the first part of an error's code. */
export type Signed = "receipt" | "part" | "voucher";

/** A signature's r, s and v, as the contracts take them. */
export type SignatureParts = { r: Hex; s: Hex; v: 27 | 28 };

/** Half of the secp256k1 group's order: s of a canonical signature is at most so much (EIP-2). */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
/** 0x and the digits of 65 bytes. */
const SIGNATURE_LENGTH = 132;

/**
 * Refuses a signature that isn't the signer's, or has another form than the contracts take: 65 bytes r, s, v with s in the
 * lower half and v 27 or 28.
 *
 * @throws ProtocolError `<what>/signature`
 */
export async function checkSignature(digest: Hex, signature: Hex, signer: Address, what: Signed): Promise<void> {
  const recovered = await recoverSigner(digest, signature, what);
  if (!isAddressEqual(recovered, signer)) {
    refuse(what, `signed by ${recovered}, wanted is ${signer}: another key, or other content`);
  }
}

/** Who has signed a digest, by a signature as the contracts take them. @throws ProtocolError `<what>/signature` */
export async function recoverSigner(digest: Hex, signature: Hex, what: Signed): Promise<Address> {
  const parts = signatureParts(signature, what);
  return await recoverAddress(digest, parts).catch(() =>
    refuse(what, "the signature is of no key: ask for one over exactly this"),
  );
}

/** A signature's parts, if it has the form the contracts take. @throws ProtocolError `<what>/signature` */
export function signatureParts(signature: Hex, what: Signed): SignatureParts {
  if (!isHex(signature) || signature.length !== SIGNATURE_LENGTH) {
    refuse(what, "the signature isn't 0x and the hexadecimal digits of 65 bytes: give r, s and v");
  }
  const v = Number(slice(signature, 64));
  if (v !== 27 && v !== 28) return refuse(what, `the signature's v is ${v}: give 27 or 28`);
  const s = slice(signature, 32, 64);
  if (BigInt(s) > HALF_ORDER) refuse(what, "the signature's s is in the upper half: give the canonical one");
  return { r: slice(signature, 0, 32), s, v };
}

function refuse(what: Signed, why: string): never {
  throw new ProtocolError(`${what}/signature`, why);
}
