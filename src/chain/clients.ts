import {
  type Account,
  type Address,
  type Chain as ChainDefinition,
  type Client,
  createClient,
  createWalletClient,
  custom,
  defineChain,
  type EIP1193Parameters,
  type Hex,
  http,
  type PublicRpcSchema,
  type Transport,
  type WalletClient,
} from "viem";
import { privateKeyToAccount, toAccount } from "viem/accounts";
import { ProtocolError } from "../protocol/errors.ts";
import { commitRevealVerifierAbi } from "./abi/commitRevealVerifier.ts";
import { jobEscrowAbi } from "./abi/jobEscrow.ts";
import { CONTRACT_NAMES, type NetworkAddresses } from "./addresses.ts";
import { type ClientActions, clientActions } from "./clientActions.ts";
import { rethrow, toProtocolError } from "./contractErrors.ts";

/** A checked connection to one network; everything that reads or writes takes it first. */
export type Chain = {
  chainId: number;
  publicClient: Client<Transport, ChainDefinition, undefined, PublicRpcSchema, ClientActions>;
  addresses: NetworkAddresses;
  /** Absent when the connection only reads. */
  walletClient?: WalletClient<Transport, ChainDefinition, Account>;
  /** Whoever signs and pays gas; absent when the connection only reads. */
  account?: Account;
};

/** A connection that can send. */
export type SigningChain = Chain & Required<Pick<Chain, "walletClient" | "account">>;

/** Anything with EIP-1193's `request`: a browser's wallet, a simulated chain. */
export type Provider = { request(parameters: EIP1193Parameters): Promise<unknown> };

/** Any of viem's clients. */
export type ViemClient = Provider & { account?: Account | undefined };

export type ConnectOptions = {
  addresses: NetworkAddresses;
  /** Signs here, with this key. */
  privateKey?: Hex;
  /** Signs by itself, or, given as an address, by the provider; the client's unless told. */
  account?: Account | Address;
  /** How often to ask for new blocks and txReceipts; 500 unless told. */
  pollingIntervalMs?: number;
} & ({ rpcUrl: string } | { provider: Provider } | { client: ViemClient } | { transport: Transport });

const POLLING_INTERVAL_MS = 500;

/**
 * Connects to a network and checks that it is the one its addresses are of.
 * @throws ProtocolError `chain/rpc-down` (retryable), `chain/wrong-chain-id`, `chain/not-deployed` when there is no
 * code at an address, `chain/addresses-mismatch` when the contracts aren't wired to each other
 */
export async function connectChain(options: ConnectOptions): Promise<Chain> {
  const { addresses } = options;
  const settings = {
    chain: defineChain({
      id: addresses.chainId,
      name: `chain ${addresses.chainId}`,
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: { default: { http: "rpcUrl" in options ? [options.rpcUrl] : [] } },
    }),
    transport: transportOf(options),
    pollingInterval: options.pollingIntervalMs ?? POLLING_INTERVAL_MS,
    cacheTime: 0,
  };
  const chain: Chain = {
    chainId: addresses.chainId,
    publicClient: createClient(settings).extend(clientActions),
    addresses,
  };
  await checkChainId(chain);
  await checkCode(chain);
  await checkWiring(chain);

  const account = accountOf(options);
  if (account === undefined) return chain;
  return { ...chain, account, walletClient: createWalletClient({ ...settings, account }) };
}

/**
 * The same connection, when it can send.
 * @throws ProtocolError `chain/no-account`
 */
export function signing(chain: Chain): SigningChain {
  const { walletClient, account } = chain;
  if (walletClient === undefined || account === undefined) {
    throw new ProtocolError("chain/no-account", "this connection only reads: connect with a privateKey or an account");
  }
  return { ...chain, walletClient, account };
}

/**
 * Time on the chain: the latest block's, unix seconds. Windows and deadlines are counted by it, never by this machine's clock.
 * @throws ProtocolError `chain/rpc-down` (retryable)
 */
export async function chainTime(chain: Chain): Promise<number> {
  const block = await chain.publicClient.getBlock({ blockTag: "latest" }).catch(rethrow);
  return Number(block.timestamp);
}

/** Hash of block 0: a local chain that was started anew has the same id and addresses, but another one. */
export async function genesisHashOf({ publicClient }: Pick<Chain, "publicClient">): Promise<Hex> {
  const { hash } = await publicClient.getBlock({ blockNumber: 0n }).catch(rethrow);
  return hash;
}

function transportOf(options: ConnectOptions): Transport {
  if ("transport" in options) return options.transport;
  if ("rpcUrl" in options) return http(options.rpcUrl);
  // A wallet or a chain in this process says what it means the first time; a client tries again by itself.
  return custom("client" in options ? options.client : options.provider, { retryCount: 0 });
}

function accountOf(options: ConnectOptions): Account | undefined {
  const { privateKey, account = "client" in options ? options.client.account : undefined } = options;
  if (privateKey !== undefined) return privateKeyToAccount(privateKey);
  return typeof account === "string" ? toAccount(account) : account;
}

async function checkChainId({ chainId, publicClient }: Chain): Promise<void> {
  const got = await publicClient.getChainId().catch((cause: unknown) => {
    throw new ProtocolError("chain/rpc-down", `${toProtocolError(cause).message}`, { isRetryable: true, cause });
  });
  if (got === chainId) return;
  throw new ProtocolError(
    "chain/wrong-chain-id",
    `got an RPC of chain ${got}, the addresses are of chain ${chainId}: use that chain's RPC or its addresses`,
  );
}

async function checkCode({ addresses, publicClient }: Chain): Promise<void> {
  await Promise.all(
    CONTRACT_NAMES.map(async (name) => {
      const code = await publicClient.getCode({ address: addresses[name] }).catch(rethrow);
      if (code !== undefined && code !== "0x") return;
      throw new ProtocolError(
        "chain/not-deployed",
        `contract not deployed: no code of ${name} at ${addresses[name]} on chain ${addresses.chainId}; run the deploy script or use the right addresses`,
      );
    }),
  );
}

async function checkWiring({ addresses, publicClient }: Chain): Promise<void> {
  const { escrow, verifier } = addresses;
  const wired = await Promise.all([
    publicClient.readContract({ address: escrow, abi: jobEscrowAbi, functionName: "OPG" }),
    publicClient.readContract({ address: verifier, abi: commitRevealVerifierAbi, functionName: "ESCROW" }),
    publicClient.readContract({ address: verifier, abi: commitRevealVerifierAbi, functionName: "STAKING" }),
  ]).catch((error: unknown) => {
    const failure = toProtocolError(error);
    if (failure.isRetryable) throw failure;
    throw mismatch("other contracts", failure);
  });
  (["opg", "escrow", "staking"] as const).forEach((name, index) => {
    if (wired[index] !== addresses[name]) throw mismatch(`${name} ${addresses[name]}, wired is ${wired[index]}`);
  });
}

function mismatch(got: string, cause?: unknown): ProtocolError {
  return new ProtocolError(
    "chain/addresses-mismatch",
    `the addresses don't belong together: got ${got}; use one deployment's`,
    {
      cause,
    },
  );
}
