import type { Hex } from "viem";
import type { Chain } from "../chain/clients.ts";
import { type ModelPublished, modelsPublished } from "../chain/models.ts";
import type { ModelFiles } from "../fetch/modelFiles.ts";
import { createTurns } from "../fetch/turns.ts";
import type { InferenceBackend, LoadedModel } from "../inference/backend.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Manifest } from "../protocol/manifest.ts";

export type ServedModel = { manifest: Manifest; run: LoadedModel["run"] };

/** The models a node serves. */
export type ModelShelf = {
  /**
   * The model, ready to run; fetched, checked and loaded when it is asked for the first time, or again after a failure
   * that can pass. Of strangers' models those used last stay loaded; one that made room is loaded again when it is run.
   * @returns undefined when it isn't served here
   * @throws ProtocolError `model/not-published`, `model/artefact-too-large`, `fetch/busy`, what `ModelFiles` throws, and
   * what the backend refuses
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
  /** Larger model files aren't fetched; 268,435,456 unless told, 4,194,304 where strangers choose the models. */
  maxArtefactBytes?: number;
  /** So many models are loaded at a time; all that are named unless told, 16 where strangers choose the models. */
  maxLoaded?: number;
};

type Shelved = { served: ServedModel; model: LoadedModel };

const MIB = 1024 * 1024;
const LIMITS = {
  named: { maxArtefactBytes: 256 * MIB, maxLoaded: Number.POSITIVE_INFINITY },
  // To hash a file of 4 MiB keeps the node from everything else for some tenths of a second, whoever published it.
  all: { maxArtefactBytes: 4 * MIB, maxLoaded: 16 },
};
const MAX_LOADING = 4;
const MAX_WAITING = 256;

/** A shelf whose models run on one backend. */
export function createModelShelf(options: ModelShelfOptions): ModelShelf {
  const { chain, backend, files, serve } = options;
  const { maxArtefactBytes, maxLoaded } = { ...LIMITS[serve === "all" ? "all" : "named"], ...options };
  const loading = createTurns(MAX_LOADING, MAX_WAITING);
  const closing = new AbortController();
  /** Used last comes last. */
  const shelved = new Map<Hex, Promise<Shelved>>();
  /** A model's id stands for its file: what was refused once always will be. */
  const refused = new Map<Hex, ProtocolError>();

  function take(modelId: Hex): Promise<Shelved> {
    const refusal = refused.get(modelId);
    if (refusal !== undefined) return Promise.reject(refusal);
    const taken = shelved.get(modelId) ?? loading.run(() => load(modelId), closing.signal);
    shelved.delete(modelId);
    shelved.set(modelId, taken);
    taken.catch(() => forget(modelId, taken));
    const [leastUsed] = shelved;
    if (shelved.size > maxLoaded && leastUsed !== undefined) putAway(...leastUsed);
    return taken;
  }

  function forget(modelId: Hex, taken: Promise<Shelved>): void {
    if (shelved.get(modelId) === taken) shelved.delete(modelId);
  }

  function putAway(modelId: Hex, taken: Promise<Shelved>): void {
    forget(modelId, taken);
    taken.then(({ model }) => model.close()).catch(() => {});
  }

  async function load(modelId: Hex): Promise<Shelved> {
    const published = await publicationOf(chain, modelId);
    const manifest = await files.manifestOf(published);
    checkSize(modelId, manifest, maxArtefactBytes);
    const artefact = await files.artefactOf(published, manifest);
    const model = await backend.load(artefact, manifest).catch((error: unknown) => {
      if (error instanceof ProtocolError && !error.isRetryable) refused.set(modelId, error);
      throw error;
    });
    return { model, served: { manifest, run: (input) => run(modelId, input) } };
  }

  async function run(modelId: Hex, input: Uint8Array): Promise<Uint8Array> {
    const taken = take(modelId);
    const { model } = await taken;
    try {
      return await model.run(input);
    } catch (error) {
      // What it was loaded into is gone.
      if (error instanceof ProtocolError && error.isRetryable) forget(modelId, taken);
      throw error;
    }
  }

  return {
    open: async (modelId) => (serve === "all" || serve.includes(modelId) ? (await take(modelId)).served : undefined),
    async close() {
      closing.abort(new Error("the models are put away"));
      const models = await Promise.allSettled(shelved.values());
      await Promise.all(models.map((taken) => taken.status === "fulfilled" && taken.value.model.close()));
      shelved.clear();
    },
  };
}

function checkSize(modelId: Hex, { artefact }: Manifest, maxArtefactBytes: number): void {
  if (artefact.sizeBytes <= maxArtefactBytes) return;
  throw new ProtocolError(
    "model/artefact-too-large",
    `got model ${modelId} of ${artefact.sizeBytes} bytes, at most ${maxArtefactBytes} are allowed here: name it to serve it, or raise the limit`,
  );
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
