import { type Address, type Hex, type TransactionReceipt, zeroAddress, zeroHash } from "viem";
import { type Chain, signing } from "../chain/clients.ts";
import { encodePublish, modelTermsOf } from "../chain/models.ts";
import { sendCall } from "../chain/sendCall.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type Manifest, manifestHash } from "../protocol/manifest.ts";
import { modelIdOf } from "../protocol/model.ts";

export type PublishOptions = {
  manifest: Manifest;
  /** Where the manifest can be fetched. */
  manifestUri: string;
  /** Lowest fee of a job, OPG base units. */
  price: bigint;
  /** Of each fee; none unless told. */
  royaltyPpm?: number;
  /** The publisher unless told. */
  royaltyRecipient?: Address;
};

export type PublishedModel = {
  modelId: Hex;
  /** Absent when the model was listed already; its price and royalty are then left as they are. */
  txReceipt?: TransactionReceipt;
};

/**
 * Lists a model under the connection's account. Doing it again does nothing: the id is its content's.
 * @throws ProtocolError `sdk/zero-address`, `chain/no-account`, `contract/RoyaltyTooHigh`, `contract/ResultBoundOutOfRange`
 */
export async function publishModel(chain: Chain, options: PublishOptions): Promise<PublishedModel> {
  const { manifest, manifestUri, price, royaltyPpm = 0 } = options;
  const publisher = signing(chain).account.address;
  const royaltyRecipient = options.royaltyRecipient ?? publisher;
  if (royaltyRecipient === zeroAddress) {
    throw new ProtocolError(
      "sdk/zero-address",
      "got zero as royaltyRecipient, an account is allowed: leave it out or name one",
    );
  }
  const identity = {
    manifestHash: manifestHash(manifest),
    graphRoot: zeroHash,
    weightRoot: zeroHash,
    bitExact: manifest.bitExact,
    maxResultBytes: manifest.maxResultBytes,
  };
  const modelId = modelIdOf({ publisher, ...identity });
  if ((await modelTermsOf(chain, modelId)).published) return { modelId };
  const listing = { ...identity, price, royaltyPpm, royaltyRecipient };
  return { modelId, txReceipt: await sendCall(chain, encodePublish(chain.addresses, listing, manifestUri)) };
}
