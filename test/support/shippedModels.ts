import type { Hex } from "viem";
import { readShippedModel } from "../../scripts/training/shipped.ts";
import type { Chain } from "../../src/chain/clients.ts";
import type { Manifest } from "../../src/protocol/manifest.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { publishModel } from "../../src/sdk/publishModel.ts";

export type PublishedIris = { modelId: Hex; manifest: Manifest; artefact: Uint8Array };

export const PRICE = parseOpg("1");

/** The model of `models/iris`, listed by the connection's account for {@link PRICE}. */
export async function publishIris(publisher: Chain): Promise<PublishedIris> {
  const { manifest, artefact } = await readShippedModel("iris");
  const listing = { manifest, manifestUri: "models/iris/manifest.json", price: PRICE, royaltyPpm: 10_000 };
  const { modelId } = await publishModel(publisher, listing);
  return { modelId, manifest, artefact };
}
