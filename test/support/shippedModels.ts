import { readFile } from "node:fs/promises";
import type { Hex } from "viem";
import type { Chain } from "../../src/chain/clients.ts";
import { type Manifest, parseManifest } from "../../src/protocol/manifest.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { publishModel } from "../../src/sdk/publishModel.ts";

export type PublishedIris = { modelId: Hex; manifest: Manifest; artefact: Uint8Array };

export const PRICE = parseOpg("1");

/** The model of `models/iris`, listed by the connection's account for {@link PRICE}. */
export async function publishIris(publisher: Chain): Promise<PublishedIris> {
  const folder = new URL("../../models/iris/", import.meta.url);
  const manifest = parseManifest(await readFile(new URL("manifest.json", folder), "utf8"));
  const artefact = Uint8Array.from(await readFile(new URL("model.onnx", folder)));
  const listing = { manifest, manifestUri: "models/iris/manifest.json", price: PRICE, royaltyPpm: 10_000 };
  const { modelId } = await publishModel(publisher, listing);
  return { modelId, manifest, artefact };
}
