import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
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
};

/** Models' files from where their publishers serve them, each fetched once. */
export function createModelFiles({ cacheDir, fetchUri }: ModelFilesOptions): ModelFiles {
  return {
    async manifestOf(published) {
      checkListing(published);
      const { manifestUri, listing } = published;
      const check = (bytes: Uint8Array) => readManifest(published, bytes);
      return cached(join(cacheDir, `${listing.manifestHash}.json`), check, () =>
        fetchFirst(fetchUri, [manifestUri], MAX_MANIFEST_LENGTH, check),
      );
    },
    async artefactOf(published, manifest) {
      checkListing(published);
      checkManifest(published, manifest);
      const { hash, sizeBytes } = manifest.artefact;
      const uris = resolveArtefactUris(manifest, published.manifestUri);
      const check = (bytes: Uint8Array) => checkArtefact(manifest, bytes);
      return cached(join(cacheDir, `${hash}.onnx`), check, () => fetchFirst(fetchUri, uris, sizeBytes, check));
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

async function cached<T>(
  file: string,
  check: (bytes: Uint8Array) => T,
  fetch: () => Promise<FetchedFile<T>>,
): Promise<T> {
  const kept = await readFile(file).catch(() => null);
  if (kept) {
    try {
      return check(new Uint8Array(kept.buffer, kept.byteOffset, kept.length));
    } catch {
      // Damaged: fetched again and written anew.
    }
  }
  const { bytes, checked } = await fetch();
  await keep(file, bytes);
  return checked;
}

/** Whoever reads the file meanwhile finds all of it or nothing. */
async function keep(file: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${file}.${randomUUID()}.tmp`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(unfinished, bytes);
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
}
