import { type Address, encodeAbiParameters, type Hex } from "viem";
import { keccak256 } from "#keccak";

/** Everything a model is identified by. */
export type ModelIdentity = {
  publisher: Address;
  /** keccak256 of the canonical manifest. */
  manifestHash: Hex;
  /** Zero until an on-chain referee uses it. */
  graphRoot: Hex;
  /** Zero until an on-chain referee uses it. */
  weightRoot: Hex;
  /** Every machine gives the same bytes. */
  bitExact: boolean;
  /** Upper bound of a result, bytes. */
  maxResultBytes: number;
};

const IDENTITY_PARAMETERS = [
  { type: "address" },
  { type: "bytes32" },
  { type: "bytes32" },
  { type: "bytes32" },
  { type: "bool" },
  { type: "uint32" },
] as const;

/** The model's 32-byte identity; exactly `JobEscrow.modelIdOf`. Nobody can publish somebody else's id first. */
export function modelIdOf(identity: ModelIdentity): Hex {
  const { publisher, manifestHash, graphRoot, weightRoot, bitExact, maxResultBytes } = identity;
  return keccak256(
    encodeAbiParameters(IDENTITY_PARAMETERS, [
      publisher,
      manifestHash,
      graphRoot,
      weightRoot,
      bitExact,
      maxResultBytes,
    ]),
  );
}
