import type {
  ContractFuture,
  IgnitionModuleBuilder,
  NamedArtifactContractDeploymentFuture,
} from "@nomicfoundation/ignition-core";

export function models(
  m: IgnitionModuleBuilder,
  authority: ContractFuture<string>,
): NamedArtifactContractDeploymentFuture<"ModelRegistry"> {
  return m.contract("ModelRegistry", [authority]);
}
