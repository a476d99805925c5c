import type {
  ContractFuture,
  IgnitionModuleBuilder,
  NamedArtifactContractDeploymentFuture,
} from "@nomicfoundation/ignition-core";

import type { TokenFuture } from "./Token.ts";

export function staking(
  m: IgnitionModuleBuilder,
  opg: TokenFuture,
  escrow: ContractFuture<string>,
  authority: ContractFuture<string>,
): NamedArtifactContractDeploymentFuture<"OperatorStaking"> {
  return m.contract("OperatorStaking", [opg, escrow, authority, m.getParameter<number>("unbondingSeconds")]);
}
