import type { Hex } from "viem";
import type { ModelPublished } from "../chain/models.ts";
import type { InferenceBackend, LoadedModel } from "../inference/backend.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type Manifest, manifestHash } from "../protocol/manifest.ts";
import { modelIdOf } from "../protocol/model.ts";

/** The models a node serves, ready to run. */
export type ModelShelf = {
  /**
   * Takes a published model on after checking that its id, manifest and artefact belong together.
   * @throws ProtocolError `model/id-mismatch`, `model/manifest-mismatch`, and whatever the backend refuses
   */
  add(published: ModelPublished, manifest: Manifest, artefact: Uint8Array): Promise<void>;
  find(modelId: Hex): LoadedModel | undefined;
  close(): Promise<void>;
};

/** A shelf whose models run on one backend. */
export function createModelShelf(backend: InferenceBackend): ModelShelf {
  const loaded = new Map<Hex, LoadedModel>();
  return {
    async add(published, manifest, artefact) {
      checkIdentity(published, manifest);
      loaded.set(published.modelId, await backend.load(artefact, manifest));
    },
    find: (modelId) => loaded.get(modelId),
    async close() {
      await Promise.all([...loaded.values()].map((model) => model.close()));
      loaded.clear();
    },
  };
}

function checkIdentity({ modelId, publisher, listing }: ModelPublished, manifest: Manifest): void {
  const recomputed = modelIdOf({ publisher, ...listing });
  if (recomputed !== modelId) {
    throw new ProtocolError(
      "model/id-mismatch",
      `got model ${modelId}, its listing hashes to ${recomputed}: don't serve it, and don't trust this RPC node`,
    );
  }
  const hash = manifestHash(manifest);
  const agrees = manifest.bitExact === listing.bitExact && manifest.maxResultBytes === listing.maxResultBytes;
  if (hash !== listing.manifestHash || !agrees) {
    throw new ProtocolError(
      "model/manifest-mismatch",
      `got a manifest that hashes to ${hash}, model ${modelId} was published with ${listing.manifestHash}: fetch the manifest named in ModelPublished`,
    );
  }
}
