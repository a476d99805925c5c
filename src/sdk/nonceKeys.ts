import type { Address } from "viem";
import type { Chain } from "../chain/clients.ts";
import { nextSequence } from "../chain/escrow.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { nonceOf } from "../protocol/job.ts";

/** A nonce that no other job of this process takes until it is released. */
export type ReservedNonce = { key: bigint; nonce: bigint; release(): void };

const BATCH = 8;
/** More live jobs than any one payer should need; ends a search that a broken RPC would make endless. */
const MAX_KEYS = 4096;

/** Keys of jobs that this process is about to open, by chain, escrow and payer. */
const reservedKeys = new Map<string, Set<bigint>>();

/**
 * The lowest key without a live job, reserved; keys are used again, since fresh ones are dearer.
 * @param unusable keys to pass over
 * @throws ProtocolError `sdk/no-free-key` (retryable)
 */
export async function reserveNonce(
  chain: Chain,
  payer: Address,
  unusable: ReadonlySet<bigint> = new Set(),
): Promise<ReservedNonce> {
  const reserved = reservedOf(chain, payer);
  for (let first = 0; first < MAX_KEYS; first += BATCH) {
    const keys = Array.from({ length: BATCH }, (_, index) => BigInt(first + index)).filter((key) => !unusable.has(key));
    const states = await Promise.all(keys.map((key) => nextSequence(chain, payer, key)));
    // Nothing is awaited from here on, so nobody can come in between.
    const found = keys.findIndex((key, index) => states[index]?.isBusy === false && !reserved.has(key));
    const [key, state] = [keys[found], states[found]];
    if (key !== undefined && state !== undefined) return reserve(reserved, key, state.sequence);
  }
  throw new ProtocolError("sdk/no-free-key", `all of ${MAX_KEYS} keys hold a live job: wait until some have ended`, {
    isRetryable: true,
  });
}

/**
 * This key, reserved.
 * @throws ProtocolError `sdk/key-busy` (retryable) when it holds a live job or one about to be opened
 */
export async function reserveKey(chain: Chain, payer: Address, key: bigint): Promise<ReservedNonce> {
  const reserved = reservedOf(chain, payer);
  const { sequence, isBusy } = await nextSequence(chain, payer, key);
  if (!isBusy && !reserved.has(key)) return reserve(reserved, key, sequence);
  throw new ProtocolError(
    "sdk/key-busy",
    `key ${key} holds a live job, a key takes one at a time: wait until it has ended, or leave the key out`,
    { isRetryable: true },
  );
}

function reserve(reserved: Set<bigint>, key: bigint, sequence: number): ReservedNonce {
  const nonce = nonceOf(key, sequence);
  reserved.add(key);
  return { key, nonce, release: () => reserved.delete(key) };
}

function reservedOf({ chainId, addresses }: Chain, payer: Address): Set<bigint> {
  const owner = `${chainId}:${addresses.escrow}:${payer}`.toLowerCase();
  const known = reservedKeys.get(owner);
  if (known !== undefined) return known;
  const fresh = new Set<bigint>();
  reservedKeys.set(owner, fresh);
  return fresh;
}
