import type {
  ContractFuture,
  IgnitionModuleBuilder,
  NamedArtifactContractAtFuture,
} from "@nomicfoundation/ignition-core";

export type TokenFuture = ContractFuture<"OPG"> | NamedArtifactContractAtFuture<"OPG">;

/** OPG where it exists (parameter `opgAddress`), else the test OPG, whose whole supply the deployer gets. */
export function token(m: IgnitionModuleBuilder, usesExistingOpg: boolean): TokenFuture {
  return usesExistingOpg
    ? m.contractAt("OPG", m.getParameter<string>("opgAddress"))
    : m.contract("OPG", [m.getAccount(0)]);
}
