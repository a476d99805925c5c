import type { Hex } from "viem";
import type { Chain } from "../chain/clients.ts";
import { type ModelPublished, type ModelTerms, modelsPublished, modelTermsOf } from "../chain/models.ts";
import type { ModelFiles } from "../fetch/modelFiles.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { oneLine } from "../protocol/oneLine.ts";
import { isHash32 } from "./options.ts";
import type { Session } from "./session.ts";

/** A published model and what its publisher says it is. */
export type NamedModel = { published: ModelPublished; manifest: Manifest };

/** One whose manifest can't be had is listed with the reason. */
export type ListedModel = { published: ModelPublished; terms: ModelTerms } & (
  | { manifest: Manifest; problem?: never }
  | { manifest?: never; problem: string }
);

/** So many manifests are asked for at once. */
const BATCH = 16;
const MAX_CANDIDATES = 8;

/**
 * All models of the network, oldest first.
 * @param publisher whose alone, where one is given: only their manifests are read
 */
export async function listModels(session: Session, publisher?: string): Promise<ListedModel[]> {
  const [chain, files] = await Promise.all([session.chain(), session.models()]);
  const all = await modelsPublished(chain, sinceDeployment(chain));
  const published = all.filter(
    (model) => publisher === undefined || model.publisher.toLowerCase() === publisher.toLowerCase(),
  );
  session.progress.begin(`reading the manifests of ${published.length} models`);
  const listed: ListedModel[] = [];
  for (let first = 0; first < published.length; first += BATCH) {
    const batch = published.slice(first, first + BATCH);
    listed.push(...(await Promise.all(batch.map((publication) => listModel(chain, files, publication)))));
  }
  return listed;
}

/**
 * The model a person means: by its id; by its name, `digits`, when only one publisher has one of that name; or by
 * publisher and name, `0x…/digits`. A name stands for the newest version that isn't retired.
 * @throws ProtocolError `model/unknown`, `model/ambiguous`, and for an id what reading its manifest throws
 */
export async function findModel(session: Session, wanted: string): Promise<NamedModel> {
  if (isHash32(wanted)) return findModelById(session, wanted.toLowerCase() as Hex);
  const [name = "", publisher] = wanted.split("/").reverse();
  const listed = await listModels(session, publisher);
  const candidates = listed.filter(
    (model): model is ListedModel & NamedModel => model.manifest?.name === name && !model.terms.retired,
  );
  return chooseNewest(wanted, candidates, listed);
}

/** @throws ProtocolError `model/unknown`, and what `ModelFiles.manifestOf` throws */
export async function findModelById(session: Session, modelId: Hex): Promise<NamedModel> {
  const chain = await session.chain();
  const [published] = await modelsPublished(chain, { modelId, ...sinceDeployment(chain) });
  if (published === undefined) {
    throw new ProtocolError(
      "model/unknown",
      `got model ${modelId}, which nobody published on chain ${chain.chainId}: see opg model list`,
    );
  }
  session.progress.begin("reading the model's manifest");
  return { published, manifest: await (await session.models()).manifestOf(published) };
}

async function listModel(chain: Chain, files: ModelFiles, published: ModelPublished): Promise<ListedModel> {
  const terms = await modelTermsOf(chain, published.modelId);
  try {
    return { published, terms, manifest: await files.manifestOf(published) };
  } catch (error) {
    return { published, terms, problem: oneLine(error instanceof Error ? error.message : String(error)) };
  }
}

function chooseNewest(wanted: string, candidates: readonly NamedModel[], listed: readonly ListedModel[]): NamedModel {
  const [newest, ...others] = [...candidates].sort((a, b) => byVersion(b.manifest, a.manifest));
  if (newest === undefined) throw unknownName(wanted, listed);
  const isOtherPublisher = ({ published }: NamedModel) => published.publisher !== newest.published.publisher;
  const isSameVersion = ({ manifest }: NamedModel) => manifest.version === newest.manifest.version;
  if (!others.some((other) => isOtherPublisher(other) || isSameVersion(other))) return newest;
  const shown = [newest, ...others]
    .slice(0, MAX_CANDIDATES)
    .map(
      ({ published, manifest }) => `${published.publisher}/${manifest.name} ${manifest.version} ${published.modelId}`,
    );
  throw new ProtocolError(
    "model/ambiguous",
    `got ${JSON.stringify(wanted.slice(0, 80))}, which ${candidates.length} models are called (${shown.join("; ")}): name the publisher too, or the id`,
  );
}

function unknownName(wanted: string, listed: readonly ListedModel[]): ProtocolError {
  const unread = listed.filter(({ problem }) => problem !== undefined).length;
  const aside = unread === 0 ? "" : ` (the manifests of ${unread} couldn't be read)`;
  return new ProtocolError(
    "model/unknown",
    `got ${JSON.stringify(wanted.slice(0, 80))}, none of ${listed.length} models is called that${aside}: see opg model list`,
  );
}

function byVersion(a: Manifest, b: Manifest): number {
  const [left, right] = [a.version.split(".").map(Number), b.version.split(".").map(Number)];
  const at = left.findIndex((number, i) => number !== right[i]);
  return at === -1 ? 0 : (left[at] as number) - (right[at] as number);
}

function sinceDeployment({ addresses }: Chain): { fromBlock: bigint; toBlock: "latest" } {
  return { fromBlock: BigInt(addresses.deployedAtBlock), toBlock: "latest" };
}
