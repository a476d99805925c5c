import type { Hex } from "viem";
import type { Chain } from "../chain/clients.ts";
import { type ModelPublished, modelsPublished } from "../chain/models.ts";
import type { ModelFiles } from "../fetch/modelFiles.ts";
import type { InferenceBackend, LoadedModel } from "../inference/backend.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Manifest } from "../protocol/manifest.ts";

export type ServedModel = { manifest: Manifest; run: LoadedModel["run"] };

/** The models a node serves. */
export type ModelShelf = {
  /**
   * The model, ready to run; fetched, checked and loaded when it is asked for the first time, or again after a failure.
   * @returns undefined when it isn't served here
   * @throws ProtocolError `model/not-published`, `model/artefact-too-large`, what `ModelFiles` throws, and what the
   * backend refuses
   */
  open(modelId: Hex): Promise<ServedModel | undefined>;
  close(): Promise<void>;
};

export type ModelShelfOptions = {
  chain: Chain;
  backend: InferenceBackend;
  files: ModelFiles;
  /** Ids of the models to serve, or all that anybody publishes. */
  serve: readonly Hex[] | "all";
  /** Larger model files aren't fetched; 268,435,456 unless told. */
  maxArtefactBytes?: number;
};

const MAX_ARTEFACT_BYTES = 256 * 1024 * 1024;

/** A shelf whose models run on one backend. */
export function createModelShelf(options: ModelShelfOptions): ModelShelf {
  const { serve } = options;
  const loading = new Map<Hex, Promise<ServedModel & LoadedModel>>();

  function open(modelId: Hex): Promise<ServedModel> {
    const known = loading.get(modelId);
    if (known !== undefined) return known;
    const started = load(modelId, options);
    loading.set(modelId, started);
    started.catch(() => loading.delete(modelId));
    return started;
  }

  return {
    open: async (modelId) => (serve === "all" || serve.includes(modelId) ? open(modelId) : undefined),
    async close() {
      const models = await Promise.allSettled(loading.values());
      await Promise.all(models.map((model) => model.status === "fulfilled" && model.value.close()));
      loading.clear();
    },
  };
}

async function load(
  modelId: Hex,
  { chain, backend, files, maxArtefactBytes = MAX_ARTEFACT_BYTES }: ModelShelfOptions,
): Promise<ServedModel & LoadedModel> {
  const published = await publicationOf(chain, modelId);
  const manifest = await files.manifestOf(published);
  const { sizeBytes } = manifest.artefact;
  if (sizeBytes > maxArtefactBytes) {
    throw new ProtocolError(
      "model/artefact-too-large",
      `got model ${modelId} of ${sizeBytes} bytes, at most ${maxArtefactBytes} are allowed here: raise the limit to serve it`,
    );
  }
  const artefact = await files.artefactOf(published, manifest);
  return { manifest, ...(await backend.load(artefact, manifest)) };
}

async function publicationOf(chain: Chain, modelId: Hex): Promise<ModelPublished> {
  const fromBlock = BigInt(chain.addresses.deployedAtBlock);
  const [published] = await modelsPublished(chain, { modelId, fromBlock, toBlock: "latest" });
  if (published !== undefined) return published;
  throw new ProtocolError(
    "model/not-published",
    `got model ${modelId}, which nobody published on this chain: publish it or use a published one's id`,
  );
}
