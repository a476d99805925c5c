import { type Address, encodeFunctionData } from "viem";
import { opgAbi } from "./abi/opg.ts";
import type { NetworkAddresses } from "./addresses.ts";
import type { Chain } from "./clients.ts";
import type { ContractCall } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";

/** OPG an account holds outside our contracts, base units. */
export async function tokenBalanceOf({ publicClient, addresses }: Chain, account: Address): Promise<bigint> {
  return publicClient
    .readContract({ address: addresses.opg, abi: opgAbi, functionName: "balanceOf", args: [account] })
    .catch(rethrow);
}

/** OPG a contract may take from its owner, base units. */
export async function tokenAllowanceOf(
  { publicClient, addresses }: Chain,
  owner: Address,
  spender: Address,
): Promise<bigint> {
  return publicClient
    .readContract({ address: addresses.opg, abi: opgAbi, functionName: "allowance", args: [owner, spender] })
    .catch(rethrow);
}

export function encodeApprove({ opg }: NetworkAddresses, spender: Address, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: opgAbi, functionName: "approve", args: [spender, amount] });
  return { to: opg, data, name: "OPG.approve" };
}

export function encodeTokenTransfer({ opg }: NetworkAddresses, to: Address, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: opgAbi, functionName: "transfer", args: [to, amount] });
  return { to: opg, data, name: "OPG.transfer" };
}
