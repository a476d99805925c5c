import { join } from "node:path";
import { type Address, type Hex, toHex } from "viem";
import { digitReaderAbi } from "../../src/chain/abi/digitReader.ts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";
import { connectChain, type SigningChain, signing } from "../../src/chain/clients.ts";
import { encodeDeposit } from "../../src/chain/escrow.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import { encodeApprove, encodeTokenTransfer } from "../../src/chain/token.ts";
import type { NodeLine } from "../../src/cli/runNode.ts";
import type { Manifest } from "../../src/protocol/manifest.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { publishModel, registerOperator, signConsent } from "../../src/sdk/index.ts";
import { readShippedModel } from "../training/shipped.ts";
import { makeEmptyStores } from "./emptyStores.ts";
import { localAccount, localSigner, type Role } from "./localAccounts.ts";
import { type NodeProcess, startNodeProcess } from "./nodeProcess.ts";
import type { ModelName } from "./requests.ts";

export type DemoModel = { name: ModelName; modelId: Hex; manifest: Manifest; artefact: Uint8Array };

export type DemoOperator = {
  operatorId: number;
  owner: Address;
  node: NodeProcess;
  /** Starts another life of its node. */
  start: () => Promise<NodeProcess>;
};

export const OPERATORS = ["operator1", "operator2", "operator3"] as const satisfies Role[];
export const LYING_OPERATOR: Role = "operator3";
export const LIES_EVERY = 5;

const PRICE = parseOpg("1");
const ROYALTY_PPM = 10_000;
export const STAKE = parseOpg("1000");
export const PURSE = parseOpg("2000");
const POLLING_INTERVAL_MS = 250;

/** A connection that signs as one of the demo's parties. */
export async function connectAs(rpcUrl: string, addresses: NetworkAddresses, role: Role): Promise<SigningChain> {
  return signing(
    await connectChain({ rpcUrl, addresses, account: localAccount(role), pollingIntervalMs: POLLING_INTERVAL_MS }),
  );
}

/** Publishes a model from `models/` and says what it is on this chain. */
export async function publishShipped(publisher: SigningChain, name: ModelName): Promise<DemoModel> {
  const { artefact, manifest } = await readShippedModel(name);
  const { modelId } = await publishModel(publisher, {
    manifest,
    manifestUri: String(new URL(`../../models/${name}/manifest.json`, import.meta.url)),
    price: PRICE,
    royaltyPpm: ROYALTY_PPM,
    royaltyRecipient: publisher.account.address,
  });
  return { name, modelId, manifest, artefact };
}

/** Gives the operators OPG to stake, and the payer an escrow balance. */
export async function fundParties(deployer: SigningChain, payer: SigningChain): Promise<void> {
  const fund = (role: Role) =>
    sendCall(deployer, encodeTokenTransfer(deployer.addresses, localAccount(role).address, PURSE));
  const operators = OPERATORS.map(fund);
  await fund("payer");
  await sendCall(payer, encodeApprove(payer.addresses, payer.addresses.escrow, PURSE));
  await sendCall(payer, encodeDeposit(payer.addresses, payer.account.address, PURSE / 2n));
  await Promise.all(operators);
}

/** Where a demo's files are: the addresses, and a folder for each node. */
export type StageFiles = { addressesFile: string; nodesDir: string };

/** Makes the nodes' empty stores. */
export async function makeNodeFolders({ nodesDir }: Pick<StageFiles, "nodesDir">): Promise<void> {
  await makeEmptyStores(OPERATORS.map((role) => join(nodesDir, role)));
}

/** Registers, stakes and starts an operator whose node is a process of its own and signs with a key of its own. */
export async function startOperator(
  { rpcUrl, addressesFile, nodesDir }: StageFiles & { rpcUrl: string },
  owner: SigningChain,
  role: (typeof OPERATORS)[number],
  onLine: (line: NodeLine) => void,
  liesEvery?: number,
): Promise<DemoOperator> {
  const signer = localSigner(OPERATORS.indexOf(role));
  const consent = await signConsent(signer, owner, owner.account.address);
  const { operatorId } = await registerOperator(owner, {
    signer: signer.address,
    consent,
    stake: STAKE,
    allocate: STAKE,
  });
  const start = () =>
    startNodeProcess({
      rpcUrl,
      addressesFile,
      dataDir: join(nodesDir, role),
      signerKey: toHex(signer.getHdKey().privateKey ?? new Uint8Array()),
      ...(liesEvery !== undefined && { liesEvery }),
      onLine,
    });
  return { operatorId, owner: owner.account.address, node: await start(), start };
}

/** Deploys the example consumer and gives it an escrow balance. */
export async function deployConsumer(payer: SigningChain, bytecode: Hex): Promise<Address> {
  const { publicClient, walletClient, addresses } = payer;
  const hash = await walletClient.deployContract({ abi: digitReaderAbi, bytecode, args: [addresses.escrow] });
  const { contractAddress } = await publicClient.waitForTransactionReceipt({ hash });
  if (!contractAddress) throw new Error("the consumer contract was not deployed");
  await sendCall(payer, encodeDeposit(addresses, contractAddress, PRICE * 10n));
  return contractAddress;
}
