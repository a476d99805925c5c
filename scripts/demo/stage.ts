import { type Address, type Hex, toHex } from "viem";
import { digitReaderAbi } from "../../src/chain/abi/digitReader.ts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";
import { connectChain, type SigningChain, signing } from "../../src/chain/clients.ts";
import { encodeDeposit } from "../../src/chain/escrow.ts";
import { modelsPublished } from "../../src/chain/models.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import { encodeApprove, encodeTokenTransfer } from "../../src/chain/token.ts";
import type { InferenceBackend } from "../../src/inference/backend.ts";
import { createOnnxNative } from "../../src/inference/onnxNative.ts";
import { type OperatorNode, startNode } from "../../src/node/daemon.ts";
import { createModelShelf } from "../../src/node/models.ts";
import type { NodeEvent } from "../../src/node/task.ts";
import type { Manifest } from "../../src/protocol/manifest.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { publishModel, registerOperator, signConsent } from "../../src/sdk/index.ts";
import { readShippedModel } from "../training/shipped.ts";
import { localAccount, localSigner, type Role } from "./localAccounts.ts";
import { createLyingBackend } from "./lyingBackend.ts";
import type { ModelName } from "./requests.ts";

export type DemoModel = { name: ModelName; modelId: Hex; manifest: Manifest; artefact: Uint8Array };

export type DemoOperator = { operatorId: number; owner: Address; chain: SigningChain; node: OperatorNode };

export const OPERATORS = ["operator1", "operator2", "operator3"] as const satisfies Role[];
const LYING_OPERATOR: Role = "operator3";
const LIES_EVERY = 5;

const PRICE = parseOpg("1");
const ROYALTY_PPM = 10_000;
export const STAKE = parseOpg("1000");
const PURSE = parseOpg("2000");
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
    manifestUri: `models/${name}/manifest.json`,
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

/** Registers, stakes and starts an operator whose node signs with a key of its own. */
export async function startOperator(
  rpcUrl: string,
  owner: SigningChain,
  role: (typeof OPERATORS)[number],
  models: DemoModel[],
  onEvent: (event: NodeEvent) => void,
  backend: InferenceBackend = backendOf(role),
): Promise<DemoOperator> {
  const signer = localSigner(OPERATORS.indexOf(role));
  const consent = await signConsent(signer, owner, owner.account.address);
  const { operatorId } = await registerOperator(owner, {
    signer: signer.address,
    consent,
    stake: STAKE,
    allocate: STAKE,
  });
  const { addresses } = owner;
  const chain = signing(
    await connectChain({ rpcUrl, addresses, account: signer, pollingIntervalMs: POLLING_INTERVAL_MS }),
  );
  const shelf = createModelShelf(backend);
  const published = await modelsPublished(chain, { fromBlock: BigInt(addresses.deployedAtBlock), toBlock: "latest" });
  for (const { modelId, manifest, artefact } of models) {
    const publication = published.find((publication) => publication.modelId === modelId);
    if (!publication) throw new Error(`model ${modelId} was not published`);
    await shelf.add(publication, manifest, artefact);
  }
  const fromBlock = (await chain.publicClient.getBlockNumber()) + 1n;
  const secret = toHex(crypto.getRandomValues(new Uint8Array(32)));
  const node = startNode({
    chain,
    operatorId,
    models: shelf,
    secret,
    fromBlock,
    pollingIntervalMs: POLLING_INTERVAL_MS,
    onEvent,
  });
  return { operatorId, owner: owner.account.address, chain, node: withShelf(node, () => shelf.close()) };
}

function backendOf(role: Role): InferenceBackend {
  const honest = createOnnxNative({ threads: 1 });
  return role === LYING_OPERATOR ? createLyingBackend(honest, LIES_EVERY) : honest;
}

function withShelf(node: OperatorNode, close: () => Promise<void>): OperatorNode {
  return {
    async stop() {
      await node.stop();
      await close();
    },
  };
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
