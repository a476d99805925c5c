import type {
  ContractFuture,
  IgnitionModuleBuilder,
  NamedArtifactContractDeploymentFuture,
} from "@nomicfoundation/ignition-core";

export function commitReveal(
  m: IgnitionModuleBuilder,
  escrow: ContractFuture<string>,
  staking: ContractFuture<string>,
  authority: ContractFuture<string>,
): NamedArtifactContractDeploymentFuture<"CommitRevealVerifier"> {
  const params = {
    minCommitWindowSeconds: m.getParameter<number>("minCommitWindowSeconds"),
    minRevealWindowSeconds: m.getParameter<number>("minRevealWindowSeconds"),
    minSettleWindowSeconds: m.getParameter<number>("minSettleWindowSeconds"),
    minBondPpm: m.getParameter<number>("minBondPpm"),
    minBondUnits: m.getParameter<number>("minBondUnits"),
  };
  return m.contract("CommitRevealVerifier", [escrow, staking, authority, params]);
}
