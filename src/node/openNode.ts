import { join } from "node:path";
import { type Hex, keccak256 } from "viem";
import { genesisHashOf, type SigningChain } from "../chain/clients.ts";
import { operatorOfSigner } from "../chain/verifier.ts";
import { createFetchUri, type FetchUri } from "../fetch/fetchUri.ts";
import { createModelFiles } from "../fetch/modelFiles.ts";
import type { InferenceBackend } from "../inference/backend.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { openStore, type Store } from "../store/store.ts";
import { type OperatorNode, startNode } from "./daemon.ts";
import { createModelShelf, type ModelShelf } from "./models.ts";
import { openSecret } from "./secret.ts";
import type { NodeEvent, NodePolicy } from "./task.ts";

export type OpenNodeOptions = {
  /** Signs with the operator's signer. */
  chain: SigningChain;
  /** Holds the secret, the store and the models fetched; made if it isn't there. One node at a time. */
  dataDir: string;
  backend: InferenceBackend;
  /** Ids of the models to serve, or all that anybody publishes. */
  serve: readonly Hex[] | "all";
  policy: NodePolicy;
  /** Whether models and inputs may lie in private networks or in files of this machine: for local chains only. */
  allowPrivateUris: boolean;
  pollingIntervalMs?: number;
  onEvent?: (event: NodeEvent) => void;
  /** A poll of the chain, or a send, that failed and will be tried again. */
  onError?: (error: unknown) => void;
};

export type OpenedNode = OperatorNode & { operatorId: number };

/** A model file may be large; an input isn't. */
const MODEL_TIMEOUT_MS = 600_000;

/**
 * Starts the node whose folder this is, from wherever an earlier life of it had come.
 * @throws ProtocolError `node/not-an-operator` when the account is nobody's signer, `node/invalid-secret`, what
 * `openStore` throws, and what `ModelShelf.open` throws for a model that was named
 */
export async function openNode(options: OpenNodeOptions): Promise<OpenedNode> {
  const { chain, dataDir, backend, serve } = options;
  const operatorId = await operatorOf(chain);
  const secret = await openSecret(join(dataDir, "secret"));
  const store = await openStore(dataDir, {
    chainId: chain.chainId,
    genesisHash: await genesisHashOf(chain),
    escrow: chain.addresses.escrow,
    operatorId,
    secretHash: keccak256(secret),
  });
  const ending = new AbortController();
  const models = createShelf(options, ending.signal);
  /** No stranger's server, nor a model, keeps the node from stopping. */
  const end = () => {
    ending.abort(new Error("the node stops"));
    backend.stop?.();
  };
  try {
    if (serve !== "all") await Promise.all(serve.map((modelId) => models.open(modelId)));
    const fetchUri = createFetchUri({ allowPrivate: options.allowPrivateUris });
    const node = await startNode({ ...options, operatorId, models, fetchUri, store, secret });
    return {
      operatorId,
      async stop() {
        const stopped = node.stop(); // first, so that its jobs know why their fetches and runs end
        end();
        await stopped.finally(() => close(models, store));
      },
    };
  } catch (error) {
    end();
    await close(models, store);
    throw error;
  }
}

function createShelf(
  { chain, dataDir, backend, serve, allowPrivateUris }: OpenNodeOptions,
  signal: AbortSignal,
): ModelShelf {
  const fetchUri = createFetchUri({ allowPrivate: allowPrivateUris, timeoutMs: MODEL_TIMEOUT_MS });
  const untilEnd: FetchUri = (uri, options) => fetchUri(uri, { ...options, signal });
  const files = createModelFiles({ cacheDir: join(dataDir, "models"), fetchUri: untilEnd });
  return createModelShelf({ chain, backend, files, serve });
}

async function close(models: ModelShelf, store: Store): Promise<void> {
  await models.close();
  await store.close();
}

async function operatorOf(chain: SigningChain): Promise<number> {
  const signer = chain.account.address;
  const operatorId = await operatorOfSigner(chain, signer);
  if (operatorId !== 0) return operatorId;
  throw new ProtocolError(
    "node/not-an-operator",
    `${signer} signs for no operator of this network: register one with this signer first (opg operator register)`,
  );
}
