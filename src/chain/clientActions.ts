import type { Chain as ChainDefinition, Client, PublicActions, Transport } from "viem";
import {
  call,
  estimateFeesPerGas,
  estimateGas,
  getBalance,
  getBlock,
  getBlockNumber,
  getChainId,
  getCode,
  getContractEvents,
  getTransactionCount,
  getTransactionReceipt,
  readContract,
  sendRawTransaction,
  waitForTransactionReceipt,
} from "viem/actions";

/** What a connection asks the chain with: those of viem's public actions that are used here. */
export type ClientActions = Pick<
  PublicActions<Transport, ChainDefinition>,
  | "call"
  | "estimateFeesPerGas"
  | "estimateGas"
  | "getBalance"
  | "getBlock"
  | "getBlockNumber"
  | "getChainId"
  | "getCode"
  | "getContractEvents"
  | "getTransactionCount"
  | "getTransactionReceipt"
  | "readContract"
  | "sendRawTransaction"
  | "waitForTransactionReceipt"
>;

/**
 * For `client.extend`, instead of viem's `publicActions`: with all of them a browser would load almost half as much again.
 * Any other still works as a function: `getTransaction(chain.publicClient, …)`.
 */
export function clientActions(client: Client<Transport, ChainDefinition>): ClientActions {
  return {
    call: (parameters) => call(client, parameters),
    estimateFeesPerGas: (parameters) => estimateFeesPerGas(client, parameters),
    estimateGas: (parameters) => estimateGas(client, parameters),
    getBalance: (parameters) => getBalance(client, parameters),
    getBlock: (parameters) => getBlock(client, parameters),
    getBlockNumber: (parameters) => getBlockNumber(client, parameters),
    getChainId: () => getChainId(client),
    getCode: (parameters) => getCode(client, parameters),
    getContractEvents: (parameters) => getContractEvents(client, parameters),
    getTransactionCount: (parameters) => getTransactionCount(client, parameters),
    getTransactionReceipt: (parameters) => getTransactionReceipt(client, parameters),
    readContract: (parameters) => readContract(client, parameters),
    sendRawTransaction: (parameters) => sendRawTransaction(client, parameters),
    waitForTransactionReceipt: (parameters) => waitForTransactionReceipt(client, parameters),
  };
}
