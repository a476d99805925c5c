import { type Address, getAddress } from "viem";
import type { Provider } from "../chain/clients.ts";
import { ProtocolError } from "../protocol/errors.ts";

/** What is used of an ethers v6 signer: a `Wallet`, a `JsonRpcSigner`, any other with a JSON-RPC provider. */
export type EthersSigner = {
  /** Must be a `JsonRpcProvider`, a `BrowserProvider` or another that passes requests on with `send`. */
  provider: object | null;
  getAddress(): Promise<string>;
  sendTransaction(transaction: EthersTransaction): Promise<{ hash: string }>;
  signTypedData(domain: object, types: Record<string, TypedField[]>, value: Record<string, unknown>): Promise<string>;
};

type EthersTransaction = { to: string; data: string; value?: string; nonce?: number; gasLimit?: string };
type TypedField = { name: string; type: string };
type TypedData = { domain: object; types: Record<string, TypedField[]>; message: Record<string, unknown> };
type SendingProvider = { send(method: string, params: unknown[]): Promise<unknown> };

/** How ethers calls failures of the connection; what the network itself throws it passes on. */
const CONNECTION_FAILURES = new Set(["NETWORK_ERROR", "SERVER_ERROR", "TIMEOUT"]);
/** EIP-1193's code for them. */
const DISCONNECTED = 4900;

/**
 * What `connectChain` needs to send as an ethers v6 signer and to read through its provider:
 * `connectChain({ addresses, ...(await fromEthersSigner(signer)) })`.
 * @throws ProtocolError `sdk/signer-without-provider`
 */
export async function fromEthersSigner(signer: EthersSigner): Promise<{ provider: Provider; account: Address }> {
  const rpc = providerOf(signer);
  const account = getAddress(await signer.getAddress());
  const answer = async (method: string, params: unknown[]): Promise<unknown> => {
    if (method === "eth_accounts") return [account];
    if (method === "eth_sendTransaction") return send(signer, rpc, params[0] as RpcTransaction);
    if (method === "eth_signTypedData_v4") return signTypedData(signer, params[1] as string);
    return rpc.send(method, params).catch(rethrowFailure);
  };
  const provider: Provider = {
    request: async ({ method, params = [] }) => answer(method, params as unknown[]).catch(rethrowAsNodeSaid),
  };
  return { provider, account };
}

function providerOf({ provider }: EthersSigner): SendingProvider {
  if (provider !== null && "send" in provider) return provider as SendingProvider;
  throw new ProtocolError(
    "sdk/signer-without-provider",
    `got a signer ${provider === null ? "without a provider" : "whose provider has no send"}, one with a JSON-RPC provider is allowed: connect it to a JsonRpcProvider first`,
  );
}

/** A transaction as JSON-RPC has it; numbers are hex. */
type RpcTransaction = { from: string; to: string; data: string; value?: string; gas?: string };

async function send(signer: EthersSigner, rpc: SendingProvider, transaction: RpcTransaction): Promise<string> {
  const { from, gas, ...rest } = transaction;
  const { hash } = await signer.sendTransaction({
    ...rest,
    ...(gas !== undefined && { gasLimit: gas }),
    ...(!countsByItself(signer) && { nonce: await nextNonce(rpc, from) }),
  });
  return hash;
}

/** A `JsonRpcSigner` leaves the nonce to the wallet that holds its key. */
function countsByItself(signer: EthersSigner): boolean {
  return "sendUncheckedTransaction" in signer;
}

/** Asked here, because an ethers provider repeats its answer for a quarter of a second: two transactions would take one nonce. */
async function nextNonce(rpc: SendingProvider, from: string): Promise<number> {
  return Number(await rpc.send("eth_getTransactionCount", [from, "pending"]));
}

async function signTypedData(signer: EthersSigner, text: string): Promise<string> {
  const { domain, types, message } = JSON.parse(text) as TypedData;
  // ethers derives the domain's type from the domain, and refuses to be told.
  const { EIP712Domain: _, ...rest } = types;
  return signer.signTypedData(domain, rest, message);
}

/** Every error of ethers' own has a `shortMessage`. */
function rethrowFailure(cause: { code?: unknown; message: string; shortMessage?: string }): never {
  if (cause.shortMessage !== undefined && !CONNECTION_FAILURES.has(String(cause.code))) throw cause;
  throw Object.assign(new Error(cause.message, { cause }), { code: DISCONNECTED });
}

type RpcError = { code: number; message: string; data?: unknown };

/** The node's own error, with its code and data, where ethers has wrapped one. */
function rethrowAsNodeSaid(cause: { info?: { error?: RpcError }; error?: RpcError }): never {
  const said = cause.info?.error ?? cause.error;
  if (typeof said?.code !== "number") throw cause;
  throw Object.assign(new Error(said.message, { cause }), { code: said.code, data: said.data });
}
