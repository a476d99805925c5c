import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import hre from "hardhat";
import { type Hex, toHex } from "viem";
import type { HDAccount } from "viem/accounts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";
import { connectChain, type SigningChain, signing } from "../../src/chain/clients.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import { encodeTokenTransfer } from "../../src/chain/token.ts";
import { localTestAccount } from "../../src/cli/localAccounts.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { addStandingBond, registerOperator, signConsent } from "../../src/sdk/index.ts";
import { type ChainProcess, startChainProcess } from "../demo/chainProcess.ts";
import { publishShipped } from "../demo/stage.ts";
import { deployNetwork } from "../deployment/deployNetwork.ts";
import { LOCAL_CHAIN_ID, parametersFileOf, readParameters } from "../deployment/parameters.ts";
import { type OpgProcess, startOpgProcess } from "./opgProcess.ts";

/** A chain process with the network on it, its models published, and operators with standing bonds. */
export type CallsStage = {
  chainProcess: ChainProcess;
  rpcUrl: string;
  addresses: NetworkAddresses;
  addressesFile: string;
  /** For the parties' own folders. */
  folder: string;
  payer: SigningChain;
  operators: StagedOperator[];
  stop(): Promise<void>;
};

export type StagedOperator = { operatorId: number; owner: SigningChain; signer: HDAccount };

export type GatewayStarted = { operatorId: number; incarnation: number; url: string };
export type ConnectStarted = { url: string; payer: Hex; voucherKey: Hex };

/** Which of the local chain's test accounts plays what; 0 deploys, and the local parameters name 1 and 2 too. */
const ACCOUNT = { deployer: 0, payer: 1, publisher: 2, owners: 4, signers: 10 } as const;
const STANDING_BOND = parseOpg("1000");
const PURSE = parseOpg("2000");
const POLLING_INTERVAL_MS = 250;

/** @param folder for files of the network and of its parties */
export async function stageCalls(folder: string, operatorCount: number): Promise<CallsStage> {
  const chainProcess = await startChainProcess();
  try {
    const { rpcUrl } = chainProcess;
    const addressesFile = join(folder, "addresses.json");
    const connection = await hre.network.create({ network: "localhost", override: { url: rpcUrl } });
    const parameters = await readParameters(parametersFileOf(LOCAL_CHAIN_ID));
    const addresses = await deployNetwork({ connection, artifacts: hre.artifacts, parameters, addressesFile });
    await connection.close();
    const as = (index: number) => connectAs(rpcUrl, addresses, index);
    const [deployer, payer, publisher] = await Promise.all([
      as(ACCOUNT.deployer),
      as(ACCOUNT.payer),
      as(ACCOUNT.publisher),
    ]);
    const owners = await Promise.all(Array.from({ length: operatorCount }, (_, n) => as(ACCOUNT.owners + n)));
    const purse = (to: SigningChain) => sendCall(deployer, encodeTokenTransfer(addresses, to.account.address, PURSE));
    await Promise.all([
      ...[payer, ...owners].map(purse),
      publishShipped(publisher, "digits").then(() => publishShipped(publisher, "iris")),
    ]);
    const operators: StagedOperator[] = [];
    // One after another: ids are given in the order of registration.
    for (const [n, owner] of owners.entries()) operators.push(await openOperator(owner, n));
    return {
      chainProcess,
      rpcUrl,
      addresses,
      addressesFile,
      folder,
      payer,
      operators,
      stop: () => chainProcess.stop(),
    };
  } catch (error) {
    await chainProcess.stop();
    throw error;
  }
}

export async function connectAs(rpcUrl: string, addresses: NetworkAddresses, index: number): Promise<SigningChain> {
  const account = localTestAccount(index);
  return signing(await connectChain({ rpcUrl, addresses, account, pollingIntervalMs: POLLING_INTERVAL_MS }));
}

async function openOperator(owner: SigningChain, n: number): Promise<StagedOperator> {
  const signer = localTestAccount(ACCOUNT.signers + n);
  const consent = await signConsent(signer, owner, owner.account.address);
  const registration = { signer: signer.address, consent, stake: STANDING_BOND, allocate: 0n };
  const { operatorId } = await registerOperator(owner, registration);
  await addStandingBond(owner, STANDING_BOND);
  return { operatorId, owner, signer };
}

export type GatewayProcessOptions = {
  name: string;
  config: unknown;
  /** A script to run instead of `opg gateway`, with its arguments before the gateway's own. */
  script?: string;
  scriptArgs?: readonly string[];
  env?: Record<string, string>;
  onLine?: (line: Record<string, unknown>) => void;
};

/** Starts an operator's gateway as a process of its own; the same name again is another life of it. */
export async function startGateway(
  { rpcUrl, addressesFile, folder }: Pick<CallsStage, "rpcUrl" | "addressesFile" | "folder">,
  { signer }: Pick<StagedOperator, "signer">,
  { name, config, script, scriptArgs = [], env, onLine }: GatewayProcessOptions,
): Promise<OpgProcess<GatewayStarted>> {
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(config, null, 2));
  const network = ["--rpc", rpcUrl, "--addresses", addressesFile, "--allow-private-uris", "--json"];
  return await startOpgProcess({
    args: [...scriptArgs, "gateway", "--config", file, "--data", join(folder, name), ...network],
    ...(script !== undefined && { script }),
    env: { ...env, OPG_SIGNER_PRIVATE_KEY: keyOf(signer) },
    ...(onLine && { onLine }),
  });
}

/** Starts the payer's local end as a process of its own; the same name again is another life of it. */
export async function startConnect(
  { rpcUrl, addressesFile, folder }: Pick<CallsStage, "rpcUrl" | "addressesFile" | "folder">,
  {
    name,
    args = [],
    env,
    onLine,
  }: Pick<GatewayProcessOptions, "name" | "env" | "onLine"> & { args?: readonly string[] },
): Promise<OpgProcess<ConnectStarted>> {
  const network = ["--rpc", rpcUrl, "--addresses", addressesFile, "--allow-private-uris", "--json"];
  return await startOpgProcess({
    args: ["connect", "--data", join(folder, name), "--port", "0", ...args, ...network],
    env: { ...env, OPG_PRIVATE_KEY: keyOf(localTestAccount(ACCOUNT.payer)) },
    ...(onLine && { onLine }),
  });
}

function keyOf(account: HDAccount): Hex {
  return toHex(account.getHdKey().privateKey ?? new Uint8Array());
}
