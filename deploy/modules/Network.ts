import {
  type ArgumentType,
  buildModule,
  type CallableContractFuture,
  type IgnitionModule,
  type IgnitionModuleBuilder,
} from "@nomicfoundation/ignition-core";
import { toFunctionSelector } from "viem";

import { chosenShape, type NetworkShape } from "../shape.ts";
import { ADMIN_ROLE, access, GOVERNOR_ROLE, PAUSER_ROLE } from "./Access.ts";
import { receiptLog, voucherEscrow } from "./Calls.ts";
import { jobs } from "./Jobs.ts";
import { staking } from "./Staking.ts";
import { type TokenFuture, token } from "./Token.ts";
import { commitReveal } from "./Verifiers.ts";

type Contracts = {
  authority: CallableContractFuture<"AccessManager">;
  escrow: CallableContractFuture<"JobEscrow">;
  staking: CallableContractFuture<"OperatorStaking">;
  verifier: CallableContractFuture<"CommitRevealVerifier">;
  vouchers: CallableContractFuture<"VoucherEscrow">;
  receipts: CallableContractFuture<"ReceiptLog">;
};

export type NetworkContracts = Contracts & { opg: TokenFuture };

/** Every `restricted` function there is, and the role that may call it. */
const FUNCTION_ROLES: { contract: keyof Contracts; role: bigint; functions: string[] }[] = [
  { contract: "escrow", role: PAUSER_ROLE, functions: ["setJobsPaused(bool)", "setModelsPaused(bool)"] },
  { contract: "staking", role: PAUSER_ROLE, functions: ["setPaused(bool)"] },
  { contract: "vouchers", role: PAUSER_ROLE, functions: ["setChannelsPaused(bool)"] },
  { contract: "receipts", role: GOVERNOR_ROLE, functions: ["setChallengeBond(uint96)"] },
  { contract: "escrow", role: GOVERNOR_ROLE, functions: ["setProtocolFee(address,uint32)"] },
  {
    contract: "staking",
    role: GOVERNOR_ROLE,
    functions: ["permitVerifier(address,bool)", "setUnbondingSeconds(uint40)"],
  },
  {
    contract: "verifier",
    role: GOVERNOR_ROLE,
    functions: ["setParams((uint32,uint32,uint32,uint32,uint56))"],
  },
];

/**
 * Sets the network up and hands it over, in one transaction: there is no moment at which half of it is done.
 *
 * Who may do what afterwards:
 * - the governor holds ADMIN and GOVERNOR, both with the delay: whatever it does, it announces first;
 * - the guardian holds PAUSER, without delay, and can cancel what GOVERNOR has scheduled, but nothing an ADMIN has:
 *   the governor can always replace it;
 * - the deployer holds nothing, unless it is the governor.
 */
function handOver(m: IgnitionModuleBuilder, contracts: Contracts, shape: NetworkShape): void {
  const { authority, staking } = contracts;
  const deployer = m.getAccount(0);
  const governor = m.getParameter<string>("governor");
  const guardian = m.getParameter<string>("guardian");
  const delaySeconds = m.getParameter<number>("governanceDelaySeconds");

  const steps: ArgumentType[] = [];
  const step = (id: string, name: string, args: ArgumentType[]) =>
    steps.push(m.encodeFunctionCall(authority, name, args, { id }));

  // Both slash: the one for lost jobs, the other for calls.
  for (const slasher of ["verifier", "receipts"] as const) {
    const id = slasher === "verifier" ? "PermitVerifier" : "PermitReceiptLog";
    const permit = m.encodeFunctionCall(staking, "permitVerifier", [contracts[slasher], true], { id });
    step(`Execute${id}`, "execute", [staking, permit]);
  }

  for (const { contract, role, functions } of FUNCTION_ROLES) {
    const selectors = functions.map((signature) => toFunctionSelector(signature));
    step(`Map_${contract}_${role}`, "setTargetFunctionRole", [contracts[contract], selectors, role]);
  }
  step("LabelGovernor", "labelRole", [GOVERNOR_ROLE, "GOVERNOR"]);
  step("LabelPauser", "labelRole", [PAUSER_ROLE, "PAUSER"]);
  step("GuardGovernor", "setRoleGuardian", [GOVERNOR_ROLE, PAUSER_ROLE]);
  step("GrantPauser", "grantRole", [PAUSER_ROLE, guardian, 0]);
  step("GrantGovernor", "grantRole", [GOVERNOR_ROLE, governor, delaySeconds]);
  // Last: for a deployer that is the governor the delay starts here. Raising a delay takes effect at once.
  step("GrantAdmin", "grantRole", [ADMIN_ROLE, governor, delaySeconds]);
  // Revoked, not renounced: a deployer that is the governor after all would need to wait for it, so a wrong shape
  // makes the whole transaction fail instead of leaving nobody in charge.
  if (!shape.governorDeploys) step("RevokeDeployer", "revokeRole", [ADMIN_ROLE, deployer]);

  m.call(authority, "multicall", [steps], { id: "HandOver" });
}

/** The network's module for chains of one shape. */
export function networkModule(shape: NetworkShape): IgnitionModule<"Network", string, NetworkContracts> {
  return buildModule("Network", (m) => {
    const opg = token(m, shape.usesExistingOpg);
    const authority = access(m);
    const escrow = jobs(m, opg, authority);
    const stakes = staking(m, opg, escrow, authority);
    const verifier = commitReveal(m, escrow, stakes, authority);
    const vouchers = voucherEscrow(m, escrow, stakes, authority);
    const receipts = receiptLog(m, vouchers, authority);
    const contracts = { authority, escrow, staking: stakes, verifier, vouchers, receipts };
    handOver(m, contracts, shape);
    return { opg, ...contracts };
  });
}

export default networkModule(chosenShape());
