import type {
  ContractFuture,
  IgnitionModuleBuilder,
  NamedArtifactContractDeploymentFuture,
} from "@nomicfoundation/ignition-core";

export function voucherEscrow(
  m: IgnitionModuleBuilder,
  escrow: ContractFuture<string>,
  staking: ContractFuture<string>,
  authority: ContractFuture<string>,
): NamedArtifactContractDeploymentFuture<"VoucherEscrow"> {
  return m.contract("VoucherEscrow", [escrow, staking, authority, m.getParameter<number>("exitSeconds")]);
}

export function receiptLog(
  m: IgnitionModuleBuilder,
  vouchers: ContractFuture<string>,
  authority: ContractFuture<string>,
): NamedArtifactContractDeploymentFuture<"ReceiptLog"> {
  const terms = {
    anchorSeconds: m.getParameter<number>("anchorSeconds"),
    challengeSeconds: m.getParameter<number>("challengeSeconds"),
    answerSeconds: m.getParameter<number>("answerSeconds"),
    evidenceSeconds: m.getParameter<number>("evidenceSeconds"),
    omissionSlash: m.getParameter<bigint>("omissionSlash"),
    equivocationSlash: m.getParameter<bigint>("equivocationSlash"),
  };
  return m.contract("ReceiptLog", [vouchers, authority, terms, m.getParameter<bigint>("challengeBond")]);
}
