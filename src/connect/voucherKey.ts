import { join } from "node:path";
import { type LocalKey, localKeyOf } from "../chain/localKey.ts";
import { readOrCreateSecret } from "../store/secretFile.ts";

/**
 * The key that signs this folder's vouchers: made at the first start and kept there for its owner alone. Without it nothing
 * more is promised in its channels; what they hold can still be taken back by the payer.
 * @throws ProtocolError `connect/invalid-voucher-key`
 */
export async function openVoucherKey(folder: string): Promise<LocalKey> {
  return localKeyOf(await readOrCreateSecret(join(folder, "voucher-key"), "connect/invalid-voucher-key"));
}
