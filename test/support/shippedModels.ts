import { type Hex, zeroHash } from "viem";
import { readShippedModel } from "../../scripts/training/shipped.ts";
import type { Chain } from "../../src/chain/clients.ts";
import type { ModelListing, ModelPublished } from "../../src/chain/models.ts";
import { type Manifest, manifestHash } from "../../src/protocol/manifest.ts";
import { modelIdOf } from "../../src/protocol/model.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { publishModel } from "../../src/sdk/publishModel.ts";

export type PublishedIris = { modelId: Hex; manifest: Manifest; artefact: Uint8Array };

export const PRICE = parseOpg("1");

/** The model of `models/iris`, listed by the connection's account for {@link PRICE}. */
export async function publishIris(publisher: Chain): Promise<PublishedIris> {
  const { manifest, artefact } = await readShippedModel("iris");
  const manifestUri = String(new URL("../../models/iris/manifest.json", import.meta.url));
  const listing = { manifest, manifestUri, price: PRICE, royaltyPpm: 10_000 };
  const { modelId } = await publishModel(publisher, listing);
  return { modelId, manifest, artefact };
}

/** What a chain would log had the manifest been published, without one. */
export function publicationOf(
  manifest: Manifest,
  manifestUri = "models/iris/manifest.json",
  changes: Partial<ModelListing> = {},
): ModelPublished {
  const publisher = "0x00000000000000000000000000000000000000aa";
  const listing: ModelListing = {
    manifestHash: manifestHash(manifest),
    graphRoot: zeroHash,
    weightRoot: zeroHash,
    bitExact: manifest.bitExact,
    maxResultBytes: manifest.maxResultBytes,
    price: PRICE,
    royaltyPpm: 0,
    royaltyRecipient: publisher,
    ...changes,
  };
  return {
    modelId: modelIdOf({ publisher, ...listing }),
    publisher,
    manifestHash: listing.manifestHash,
    manifestUri,
    listing,
    place: { blockNumber: 1n, blockHash: zeroHash, transactionHash: zeroHash, logIndex: 0 },
  };
}
