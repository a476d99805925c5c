import { join } from "node:path";
import { isHex, size } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { ProtocolError } from "../protocol/errors.ts";
import { readOrCreateSecret } from "../store/secretFile.ts";

/**
 * The key that signs this folder's vouchers: made at the first start and kept there for its owner alone. Without it nothing
 * more is promised in its channels; what they hold can still be taken back by the payer.
 * @throws ProtocolError `connect/invalid-voucher-key`
 */
export async function openVoucherKey(folder: string): Promise<PrivateKeyAccount> {
  const file = join(folder, "voucher-key");
  const secret = await readOrCreateSecret(file);
  if (isHex(secret) && size(secret) === 32) return privateKeyToAccount(secret);
  throw new ProtocolError(
    "connect/invalid-voucher-key",
    `${file} doesn't hold 32 bytes in hex, nothing else is allowed: bring its copy back, or use another folder`,
  );
}
