import type { Address, Hex } from "viem";

/** A call to one of our contracts, ready to be sent by whoever sends: plain data that survives being stored. */
export type ContractCall = {
  to: Address;
  data: Hex;
  /** What is called, for logs and messages: `JobEscrow.open`. */
  name: string;
};

/** Which blocks to look through, both ends included. */
export type BlockRange = { fromBlock: bigint; toBlock: bigint | "latest" };

/** Where a log lies. */
export type LogPlace = { blockNumber: bigint; blockHash: Hex; transactionHash: Hex; logIndex: number };

/** The place of a mined log. */
export function placeOf({ blockNumber, blockHash, transactionHash, logIndex }: LogPlace): LogPlace {
  return { blockNumber, blockHash, transactionHash, logIndex };
}
