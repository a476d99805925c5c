import type { Hex, TransactionReceipt } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { type Chain, type SigningChain, signing } from "./clients.ts";
import type { ContractCall } from "./contractCall.ts";
import { rethrow, toProtocolError } from "./contractErrors.ts";

export type SendOptions = {
  /** Gas limit; estimated with a margin unless told. */
  gas?: bigint;
};

const GAS_MARGIN_PERCENT = 120n;
/** A call estimated to change a word may find it empty once it is mined, because another was mined first: room for two fresh slots. */
const GAS_MARGIN = 45_000n;
/** Most gas one transaction may use (EIP-7825). */
const MAX_TRANSACTION_GAS = 2n ** 24n;

/** The last send of each account, so that two calls in flight in this process never take the same nonce. */
const lastSends = new Map<string, Promise<unknown>>();

/**
 * Sends a call and waits until it is mined. For clients; daemons keep an outbox instead.
 * @returns its txReceipt, always of success
 * @throws ProtocolError `contract/…` when the contract refuses (before anything is sent, where the estimate shows it),
 * `chain/no-account`, `chain/insufficient-gas-funds`, `chain/out-of-gas` and `chain/rpc-down` (both retryable),
 * `chain/not-confirmed` when it was sent and the RPC then failed
 */
export async function sendCall(
  chain: Chain,
  call: ContractCall,
  options: SendOptions = {},
): Promise<TransactionReceipt> {
  const sender = signing(chain);
  const gas = options.gas ?? (await gasLimitOf(sender, call));
  const hash = await inTurn(`${chain.chainId}:${sender.account.address}`, () => submit(sender, call, gas));
  const txReceipt = await chain.publicClient.waitForTransactionReceipt({ hash }).catch((cause: unknown) => {
    throw notConfirmed(call, hash, cause);
  });
  if (txReceipt.status === "success") return txReceipt;
  throw await whyReverted(sender, call, txReceipt);
}

/**
 * The gas limit to send a call with: its estimate and a margin.
 * @throws ProtocolError `contract/…` when the contract refuses, and as `sendCall`
 */
export async function gasLimitOf({ publicClient, account }: SigningChain, { to, data }: ContractCall): Promise<bigint> {
  return withMargin(await publicClient.estimateGas({ account, to, data }).catch(rethrow));
}

/** Not retryable: whoever sends again may pay twice. */
function notConfirmed({ name }: ContractCall, hash: Hex, cause: unknown): ProtocolError {
  return new ProtocolError(
    "chain/not-confirmed",
    `${name} was sent as ${hash}, then the RPC failed and can't say whether it was mined: look for it before sending again`,
    { cause },
  );
}

async function submit({ walletClient }: SigningChain, { to, data }: ContractCall, gas: bigint) {
  return walletClient.sendTransaction({ to, data, gas }).catch(rethrow);
}

function withMargin(estimate: bigint): bigint {
  const wanted = (estimate * GAS_MARGIN_PERCENT) / 100n + GAS_MARGIN;
  return wanted < MAX_TRANSACTION_GAS ? wanted : MAX_TRANSACTION_GAS;
}

async function inTurn<T>(sender: string, send: () => Promise<T>): Promise<T> {
  const turn = (lastSends.get(sender) ?? Promise.resolve()).then(send, send);
  lastSends.set(sender, turn);
  return turn;
}

/**
 * Why a mined call was reverted. The reason isn't in the txReceipt: the call is made again, as it was, on the state of
 * the block before.
 */
export async function whyReverted(
  { publicClient, account }: SigningChain,
  { to, data, name }: ContractCall,
  { blockNumber, transactionHash }: Pick<TransactionReceipt, "blockNumber" | "transactionHash">,
): Promise<ProtocolError> {
  try {
    await publicClient.call({ account, to, data, blockNumber: blockNumber - 1n });
  } catch (error) {
    return toProtocolError(error);
  }
  return new ProtocolError(
    "chain/transaction-reverted",
    `${name} reverted in ${transactionHash} though it goes through when called again: somebody else may have been first; read the state and decide anew`,
    { isRetryable: true },
  );
}
