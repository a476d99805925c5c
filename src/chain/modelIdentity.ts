import { ProtocolError } from "../protocol/errors.ts";
import { type Manifest, manifestHash } from "../protocol/manifest.ts";
import { modelIdOf } from "../protocol/model.ts";
import type { ModelPublished } from "./models.ts";

/**
 * Checks that the publication's id is the one that its listing hashes to.
 * @throws ProtocolError `model/id-mismatch`
 */
export function checkListing({ modelId, publisher, listing }: ModelPublished): void {
  const recomputed = modelIdOf({ publisher, ...listing });
  if (recomputed === modelId) return;
  throw new ProtocolError(
    "model/id-mismatch",
    `got model ${modelId}, its listing hashes to ${recomputed}: don't serve it, and don't trust this RPC node`,
  );
}

/**
 * Checks that the manifest is the one that was published.
 * @throws ProtocolError `model/manifest-mismatch`
 */
export function checkManifest({ modelId, listing }: ModelPublished, manifest: Manifest): void {
  const hash = manifestHash(manifest);
  if (hash !== listing.manifestHash) {
    throw new ProtocolError(
      "model/manifest-mismatch",
      `got a manifest that hashes to ${hash}, model ${modelId} was published with ${listing.manifestHash}: fetch the manifest named in ModelPublished`,
    );
  }
  if (manifest.bitExact === listing.bitExact && manifest.maxResultBytes === listing.maxResultBytes) return;
  throw new ProtocolError(
    "model/manifest-mismatch",
    `model ${modelId} was listed with bitExact ${listing.bitExact} and maxResultBytes ${listing.maxResultBytes}, its manifest says ${manifest.bitExact} and ${manifest.maxResultBytes}: don't serve it, its publisher must list it anew`,
  );
}
