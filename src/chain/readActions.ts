import type { Chain as ChainDefinition, Client, PublicActions, Transport } from "viem";
import {
  call,
  estimateGas,
  getBlock,
  getBlockNumber,
  getChainId,
  getCode,
  getContractEvents,
  getTransactionCount,
  getTransactionReceipt,
  readContract,
  waitForTransactionReceipt,
} from "viem/actions";

/** What a connection reads with: those of viem's public actions that are used here. */
export type ReadActions = Pick<
  PublicActions<Transport, ChainDefinition>,
  | "call"
  | "estimateGas"
  | "getBlock"
  | "getBlockNumber"
  | "getChainId"
  | "getCode"
  | "getContractEvents"
  | "getTransactionCount"
  | "getTransactionReceipt"
  | "readContract"
  | "waitForTransactionReceipt"
>;

/**
 * For `client.extend`, instead of viem's `publicActions`: with all of them a browser would load almost half as much again.
 * Any other still works as a function: `getBalance(chain.publicClient, …)`.
 */
export function readActions(client: Client<Transport, ChainDefinition>): ReadActions {
  return {
    call: (parameters) => call(client, parameters),
    estimateGas: (parameters) => estimateGas(client, parameters),
    getBlock: (parameters) => getBlock(client, parameters),
    getBlockNumber: (parameters) => getBlockNumber(client, parameters),
    getChainId: () => getChainId(client),
    getCode: (parameters) => getCode(client, parameters),
    getContractEvents: (parameters) => getContractEvents(client, parameters),
    getTransactionCount: (parameters) => getTransactionCount(client, parameters),
    getTransactionReceipt: (parameters) => getTransactionReceipt(client, parameters),
    readContract: (parameters) => readContract(client, parameters),
    waitForTransactionReceipt: (parameters) => waitForTransactionReceipt(client, parameters),
  };
}
