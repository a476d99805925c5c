/** What of Bitcoin Core's libsecp256k1 is used here. Throws for what isn't of the curve. */
export type LibSecp256k1 = {
  /** Deterministic (RFC 6979), s in the lower half; r and s, 64 bytes. */
  ecdsaSign(digest: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recid: number };
  /** @param signature r and s, 64 bytes @returns the public key, 65 bytes unless compressed */
  ecdsaRecover(signature: Uint8Array, recid: number, digest: Uint8Array, compressed: boolean): Uint8Array;
  /** Blinds signing against whoever measures it. */
  contextRandomize(seed: Uint8Array): void;
};

/**
 * The library's native build, four times as fast as its WebAssembly; undefined on platforms there is no build for. The
 * package's own way out there, `elliptic`, is never loaded: viem's curve is audited.
 */
export const libsecp256k1: LibSecp256k1 | undefined = await load();

async function load(): Promise<LibSecp256k1 | undefined> {
  try {
    const { default: library } = (await import("secp256k1/bindings.js")) as { default: LibSecp256k1 };
    library.contextRandomize(crypto.getRandomValues(new Uint8Array(32)));
    return library;
  } catch {
    return undefined;
  }
}
