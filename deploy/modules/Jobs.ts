import type {
  ContractFuture,
  IgnitionModuleBuilder,
  NamedArtifactContractDeploymentFuture,
} from "@nomicfoundation/ignition-core";

import type { TokenFuture } from "./Token.ts";

export function jobs(
  m: IgnitionModuleBuilder,
  opg: TokenFuture,
  authority: ContractFuture<string>,
): NamedArtifactContractDeploymentFuture<"JobEscrow"> {
  const recipient = m.getParameter<string>("protocolFeeRecipient");
  const protocolFeePpm = m.getParameter<number>("protocolFeePpm");
  return m.contract("JobEscrow", [opg, authority, recipient, protocolFeePpm]);
}
