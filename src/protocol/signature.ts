import { type Address, type Hex, isAddressEqual, recoverAddress, size, slice } from "viem";
import { ProtocolError } from "./errors.ts";

/** Half of the secp256k1 group's order: s of a canonical signature is at most so much (EIP-2). */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/**
 * Refuses a signature that isn't the signer's, or has another form than the contracts take: 65 bytes r, s, v with s in the
 * lower half and v 27 or 28.
 *
 * @param what What is signed, the first part of the error's code.
 * @throws ProtocolError `<what>/signature`
 */
export async function checkSignature(
  digest: Hex,
  signature: Hex,
  signer: Address,
  what: "receipt" | "part" | "voucher",
): Promise<void> {
  const refuse = (why: string): never => {
    throw new ProtocolError(`${what}/signature`, why);
  };
  if (size(signature) !== 65) refuse(`the signature has ${size(signature)} bytes: give 65 (r, s, v)`);
  const v = Number(slice(signature, 64));
  if (v !== 27 && v !== 28) refuse(`the signature's v is ${v}: give 27 or 28`);
  if (BigInt(slice(signature, 32, 64)) > HALF_ORDER)
    refuse("the signature's s is in the upper half: give the canonical one");
  const recovered = await recoverAddress({ hash: digest, signature }).catch(() =>
    refuse("the signature is of no key: ask for one over exactly this"),
  );
  if (!isAddressEqual(recovered, signer))
    refuse(`signed by ${recovered}, wanted is ${signer}: another key, or other content`);
}
