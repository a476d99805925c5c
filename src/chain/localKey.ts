import { bytesToHex, type Hex, hexToBytes } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { type LibSecp256k1, libsecp256k1 } from "../protocol/curve/libsecp256k1.ts";

/** Who signs with a key that is here. */
export type LocalKey = PrivateKeyAccount & Required<Pick<PrivateKeyAccount, "sign">>;

/**
 * The account of a private key, as viem's, but that digests are signed by libsecp256k1 where there is a build of it: the same bytes
 * (RFC 6979), in a tenth of the time. Daemons sign one for each call. Not for browsers.
 */
export function localKeyOf(privateKey: Hex): LocalKey {
  const account = privateKeyToAccount(privateKey);
  if (libsecp256k1 === undefined) return account;
  const library = libsecp256k1;
  const secret = hexToBytes(privateKey);
  return { ...account, sign: async ({ hash }) => signDigest(library, hash, secret) };
}

function signDigest({ ecdsaSign }: LibSecp256k1, digest: Hex, secret: Uint8Array): Hex {
  const { signature, recid } = ecdsaSign(hexToBytes(digest), secret);
  return `${bytesToHex(signature)}${recid === 1 ? "1c" : "1b"}`;
}
