import { fileURLToPath } from "node:url";

import { readDeploymentParameters } from "@nomicfoundation/hardhat-ignition/helpers";
import { getAddress, isAddress, zeroAddress } from "viem";

import { ProtocolError } from "../../src/protocol/errors.ts";

/** One network's parameters: the `Network` section of its file in `deploy/parameters/`. */
export type NetworkParameters = {
  /** OPG where it exists already; absent: the test OPG is deployed. */
  opgAddress?: string;
  /** Holds ADMIN and GOVERNOR, both with the delay. */
  governor: string;
  /** Holds PAUSER, without delay. */
  guardian: string;
  protocolFeeRecipient: string;
  governanceDelaySeconds: number;
  protocolFeePpm: number;
  unbondingSeconds: number;
  minCommitWindowSeconds: number;
  minRevealWindowSeconds: number;
  minSettleWindowSeconds: number;
  minBondPpm: number;
  /** Millionths of an OPG. */
  minBondUnits: number;
  exitSeconds: number;
  anchorSeconds: number;
  challengeSeconds: number;
  answerSeconds: number;
  evidenceSeconds: number;
  /** OPG base units; in the file a string of digits and an `n`, as Ignition writes them. */
  omissionSlash: bigint;
  equivocationSlash: bigint;
  challengeBond: bigint;
};

export const LOCAL_CHAIN_ID = 31337;

/** Which file a chain's parameters are in, under `deploy/parameters/`. */
const FILES: Record<number, string> = {
  [LOCAL_CHAIN_ID]: "local",
  84532: "baseSepolia",
  8453: "base",
  10740: "opengradientDevnet",
};

/** Where OPG is not an ERC-20 yet, so that the test OPG takes its place. On any other chain it is only ever used. */
const CHAINS_WITHOUT_OPG = [LOCAL_CHAIN_ID, 10740];

const FROM_ENVIRONMENT = {
  governor: "GOVERNOR_ADDRESS",
  guardian: "GUARDIAN_ADDRESS",
  protocolFeeRecipient: "PROTOCOL_FEE_RECIPIENT",
} as const;

const NUMBERS = [
  "governanceDelaySeconds",
  "protocolFeePpm",
  "unbondingSeconds",
  "minCommitWindowSeconds",
  "minRevealWindowSeconds",
  "minSettleWindowSeconds",
  "minBondPpm",
  "minBondUnits",
  "exitSeconds",
  "anchorSeconds",
  "challengeSeconds",
  "answerSeconds",
  "evidenceSeconds",
] as const;

const AMOUNTS = ["omissionSlash", "equivocationSlash", "challengeBond"] as const;

/**
 * @returns the path of the chain's file in `deploy/parameters/`
 * @throws ProtocolError `deploy/unknown-chain`
 */
export function parametersFileOf(chainId: number): string {
  const name = FILES[chainId];
  if (name !== undefined) return fileURLToPath(new URL(`../../deploy/parameters/${name}.json`, import.meta.url));
  throw new ProtocolError(
    "deploy/unknown-chain",
    `there are no parameters for chain ${chainId}, only for ${Object.keys(FILES).join(", ")}: ` +
      "write a file in deploy/parameters/ and name it with --parameters (or DEPLOY_PARAMETERS)",
  );
}

/**
 * Reads a parameter file as Ignition does (JSON or JSON5); addresses set in the environment take the place of the
 * file's (`GOVERNOR_ADDRESS`, `GUARDIAN_ADDRESS`, `PROTOCOL_FEE_RECIPIENT`).
 *
 * @throws ProtocolError `deploy/parameters-unreadable`
 */
export async function readParameters(
  file: string,
  environment: Record<string, string | undefined> = {},
): Promise<Record<string, unknown>> {
  const sections: Record<string, unknown> = await readDeploymentParameters(file).catch((cause: unknown) => {
    throw new ProtocolError(
      "deploy/parameters-unreadable",
      `${file} can't be read as JSON: check the path and its syntax`,
      {
        cause,
      },
    );
  });
  const parameters: Record<string, unknown> = { ...(sections.Network as object | undefined) };
  for (const [name, variable] of Object.entries(FROM_ENVIRONMENT)) {
    if (environment[variable]) parameters[name] = environment[variable];
  }
  return parameters;
}

/**
 * Refuses what would deploy another network than meant: a misspelt name, a placeholder, a new OPG where one exists.
 * The ranges of the numbers are checked by the contracts.
 *
 * @throws ProtocolError `deploy/parameter`
 */
export function checkParameters(parameters: Record<string, unknown>, chainId: number): NetworkParameters {
  const known: string[] = ["opgAddress", ...Object.keys(FROM_ENVIRONMENT), ...NUMBERS, ...AMOUNTS];
  const unknown = Object.keys(parameters).find((name) => !known.includes(name));
  if (unknown !== undefined) refuse(`${unknown} is no parameter of the network: use ${known.join(", ")}`);

  for (const name of NUMBERS) checkNumber(name, parameters[name]);
  for (const name of AMOUNTS) checkAmount(name, parameters[name]);
  if (parameters.governanceDelaySeconds === 0) {
    refuse("governanceDelaySeconds is 0: governance always has a delay, give at least 1 second");
  }
  const checked = { ...parameters } as NetworkParameters;
  for (const [name, variable] of Object.entries(FROM_ENVIRONMENT)) {
    const remedy = `set it in the network's file in deploy/parameters/ or as ${variable}`;
    checked[name as keyof typeof FROM_ENVIRONMENT] = checkAddress(name, parameters[name], remedy);
  }
  if (parameters.opgAddress !== undefined) {
    checked.opgAddress = checkAddress("opgAddress", parameters.opgAddress, "give the token's address");
  } else if (!CHAINS_WITHOUT_OPG.includes(chainId)) {
    refuse(
      `opgAddress is missing: a test OPG is deployed on ${CHAINS_WITHOUT_OPG.join(" and ")} only, not on ${chainId}`,
    );
  }
  return checked;
}

function checkNumber(name: string, value: unknown): void {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return;
  refuse(`${name} is ${value === undefined ? "missing" : JSON.stringify(value)}: give a whole number`);
}

function checkAmount(name: string, value: unknown): void {
  if (typeof value === "bigint" && value >= 0n) return;
  const got = value === undefined ? "missing" : typeof value === "bigint" ? String(value) : JSON.stringify(value);
  refuse(`${name} is ${got}: give OPG base units as digits and an n, such as "1000000000000000000n" for 1 OPG`);
}

function checkAddress(name: string, value: unknown, remedy: string): string {
  if (value === undefined) refuse(`${name} is missing: ${remedy}`);
  if (typeof value !== "string" || !isAddress(value)) {
    refuse(`${name} is ${JSON.stringify(value)}, not an address (or its checksum is wrong): ${remedy}`);
  }
  if (value === zeroAddress) refuse(`${name} is the zero address: ${remedy}`);
  return getAddress(value);
}

function refuse(message: string): never {
  throw new ProtocolError("deploy/parameter", message);
}
