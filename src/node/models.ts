import type { Hex } from "viem";
import { checkListing, checkManifest } from "../chain/modelIdentity.ts";
import type { ModelPublished } from "../chain/models.ts";
import type { InferenceBackend, LoadedModel } from "../inference/backend.ts";
import type { Manifest } from "../protocol/manifest.ts";

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
      checkListing(published);
      checkManifest(published, manifest);
      loaded.set(published.modelId, await backend.load(artefact, manifest));
    },
    find: (modelId) => loaded.get(modelId),
    async close() {
      await Promise.all([...loaded.values()].map((model) => model.close()));
      loaded.clear();
    },
  };
}
