import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { keccak256 } from "viem";
import { checkListing, checkManifest } from "../chain/modelIdentity.ts";
import type { ModelPublished } from "../chain/models.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { MAX_MANIFEST_LENGTH, type Manifest, parseManifest, resolveArtefactUris } from "../protocol/manifest.ts";
import { type FetchedFile, fetchFirst } from "./fetchFirst.ts";
import type { FetchUri } from "./fetchUri.ts";

export type ModelFiles = {
  /**
   * The published manifest, hash-checked against the listing; from the cache folder or its URI.
   * @throws ProtocolError `model/id-mismatch`, `model/manifest-mismatch`, `manifest/invalid`, and what `fetchUri` throws
   */
  manifestOf(published: ModelPublished): Promise<Manifest>;
  /**
   * The artefact, size- and hash-checked against the manifest; from the cache folder or one of its URIs.
   * @throws ProtocolError `model/id-mismatch`, `model/manifest-mismatch`, and what `fetchFirst` throws
   */
  artefactOf(published: ModelPublished, manifest: Manifest): Promise<Uint8Array>;
};

export type ModelFilesOptions = {
  /** Made when missing; processes may share it. Its files are named by their hashes, and checked when they are read. */
  cacheDir: string;
  fetchUri: FetchUri;
  /** Beyond these the files written first are removed; 4,294,967,296 unless told. */
  maxCacheBytes?: number;
};

const MAX_CACHE_BYTES = 2 ** 32;
/** Finished or not; whatever else lies in the folder isn't ours to remove. */
const OWN_NAME = /^0x[0-9a-f]{64}\.(json|onnx)(\.[0-9a-f-]{36}\.tmp)?$/;

/** Models' files from where their publishers serve them, each fetched once. */
export function createModelFiles({
  cacheDir,
  fetchUri,
  maxCacheBytes = MAX_CACHE_BYTES,
}: ModelFilesOptions): ModelFiles {
  const keep = async (name: string, bytes: Uint8Array) => {
    await writeWhole(join(cacheDir, name), bytes);
    await removeOldest(cacheDir, maxCacheBytes);
  };

  async function cached<T>(
    name: string,
    check: (bytes: Uint8Array) => T,
    fetch: () => Promise<FetchedFile<T>>,
  ): Promise<T> {
    const kept = await readFile(join(cacheDir, name)).catch(() => null);
    if (kept) {
      try {
        return check(new Uint8Array(kept.buffer, kept.byteOffset, kept.length));
      } catch {
        // Damaged: fetched again and written anew.
      }
    }
    const { bytes, checked } = await fetch();
    await keep(name, bytes).catch(() => {}); // a full disk only means that it is fetched again
    return checked;
  }

  return {
    async manifestOf(published) {
      checkListing(published);
      const { manifestUri, listing } = published;
      const check = (bytes: Uint8Array) => readManifest(published, bytes);
      return cached(`${listing.manifestHash}.json`, check, () =>
        fetchFirst(fetchUri, [manifestUri], MAX_MANIFEST_LENGTH, check),
      );
    },
    async artefactOf(published, manifest) {
      checkListing(published);
      checkManifest(published, manifest);
      const { hash, sizeBytes } = manifest.artefact;
      const uris = resolveArtefactUris(manifest, published.manifestUri);
      const check = (bytes: Uint8Array) => checkArtefact(manifest, bytes);
      return cached(`${hash}.onnx`, check, () => fetchFirst(fetchUri, uris, sizeBytes, check));
    },
  };
}

function readManifest(published: ModelPublished, bytes: Uint8Array): Manifest {
  const manifest = parseManifest(new TextDecoder().decode(bytes));
  checkManifest(published, manifest);
  return manifest;
}

function checkArtefact({ name, artefact }: Manifest, bytes: Uint8Array): Uint8Array {
  const hash = keccak256(bytes);
  if (bytes.length === artefact.sizeBytes && hash === artefact.hash) return bytes;
  throw new ProtocolError(
    "model/hash-mismatch",
    `got ${bytes.length} bytes that hash to ${hash}, the artefact of ${name} has ${artefact.sizeBytes} that hash to ${artefact.hash}: its publisher must serve that file`,
  );
}

/** Whoever reads the file meanwhile finds all of it or nothing. */
async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${file}.${randomUUID()}.tmp`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(unfinished, bytes);
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Strangers decide how many models there are. */
async function removeOldest(folder: string, maxBytes: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => OWN_NAME.test(name));
  const found = await Promise.all(names.map((name) => describeFile(join(folder, name))));
  const files = found.filter((file) => file !== undefined).sort((a, b) => b.mtimeMs - a.mtimeMs);
  let bytes = 0;
  for (const { path, size } of files) {
    bytes += size;
    if (bytes > maxBytes && path !== files[0]?.path) await rm(path, { force: true });
  }
}

/** Undefined when another process has removed it meanwhile. */
async function describeFile(path: string): Promise<{ path: string; size: number; mtimeMs: number } | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats && { path, size: stats.size, mtimeMs: stats.mtimeMs };
}
