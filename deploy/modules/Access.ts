import type { IgnitionModuleBuilder, NamedArtifactContractDeploymentFuture } from "@nomicfoundation/ignition-core";

/** Sets fees, windows, bonds and permitted verifiers, each within the bounds in code and after the delay. */
export const GOVERNOR_ROLE = 1n;
/** Stops and restarts new jobs, stakes and models at once; cancels what the governor has scheduled. */
export const PAUSER_ROLE = 2n;
/** OpenZeppelin's own: grants roles and says which role a function needs. */
export const ADMIN_ROLE = 0n;

/** The deployer is its admin until `Network.ts` hands it over. */
export function access(m: IgnitionModuleBuilder): NamedArtifactContractDeploymentFuture<"AccessManager"> {
  return m.contract("AccessManager", [m.getAccount(0)]);
}
