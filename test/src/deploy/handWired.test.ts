import { readFileSync } from "node:fs";

import { type ArgumentType, isDeploymentFuture, isFuture } from "@nomicfoundation/ignition-core";
import { expect } from "chai";

import { networkModule } from "../../../deploy/modules/Network.ts";

/** What the Solidity tests' own wiring calls what the module gets from elsewhere. */
const SAME: Record<string, string> = {
  "address(this)": "account",
  GOVERNOR: "account",
  PROTOCOL: "protocolFeeRecipient",
  PROTOCOL_FEE_PPM: "protocolFeePpm",
  UNBONDING_SECONDS: "unbondingSeconds",
  EXIT_SECONDS: "exitSeconds",
  CHALLENGE_BOND: "challengeBond",
  "_params()": "struct",
  "_logTerms()": "struct",
  opg: "OPG",
  authority: "AccessManager",
  escrow: "JobEscrow",
  staking: "OperatorStaking",
  verifier: "CommitRevealVerifier",
  vouchers: "VoucherEscrow",
};

type Wiring = Record<string, string[]>;

function wiringOfModule(): Wiring {
  const { futures } = networkModule({ usesExistingOpg: false, governorDeploys: false });
  return Object.fromEntries(
    [...futures].flatMap((future) =>
      isDeploymentFuture(future) && "constructorArgs" in future
        ? [[future.contractName, future.constructorArgs.map(kindOf)]]
        : [],
    ),
  );
}

function kindOf(argument: ArgumentType): string {
  if (isFuture(argument)) return "contractName" in argument ? String(argument.contractName) : argument.id;
  if (typeof argument !== "object" || Array.isArray(argument)) return String(argument);
  if (argument.type === "ACCOUNT") return "account";
  return argument.type === "MODULE_PARAMETER" ? String(argument.name) : "struct";
}

function wiringOfSolidityTests(): Wiring {
  const source = readFileSync("test/support/Network.sol", "utf8");
  const calls = source.matchAll(/_deploy\(\s*"(\w+)",\s*abi\.encode\(((?:[^()]|\(\w*\))*)\)\s*\)/g);
  return Object.fromEntries(
    [...calls].map(([, name, args]) => [
      name,
      (args ?? "").split(",").map((argument) => SAME[argument.trim()] ?? argument.trim()),
    ]),
  );
}

describe("test/support/Network.sol", () => {
  it("constructs every contract as the deployed network does", () => {
    expect(wiringOfSolidityTests()).to.deep.equal(wiringOfModule());
  });
});
