import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import {
  type Abi,
  type Address,
  createPublicClient,
  createWalletClient,
  custom,
  type Hex,
  type TransactionReceipt,
} from "viem";
import { hardhat } from "viem/chains";

/** The rules the peers were measured under (`bench/peers.json`). */
export const HARDFORK = "prague";

/** Contracts to deploy instead of the project's own, by name. */
export type Replaced = Record<string, { abi: Abi; bytecode: Hex }>;
export type Contract = { address: Address; abi: Abi };
export type BenchChain = Awaited<ReturnType<typeof startChain>>;

/** A fresh in-process chain whose block times are fixed; every transaction must succeed. */
export async function startChain(hre: HardhatRuntimeEnvironment, start: number, replaced: Replaced = {}) {
  const { provider } = await hre.network.create({
    override: {
      initialDate: new Date(start * 1000).toISOString(),
      allowBlocksWithSameTimestamp: false,
      hardfork: HARDFORK,
      allowUnlimitedContractSize: Object.keys(replaced).length > 0,
    },
  });
  const transport = custom(provider);
  const client = createPublicClient({ chain: hardhat, transport, pollingInterval: 1, cacheTime: 0 });
  const wallet = createWalletClient({ chain: hardhat, transport });
  const accounts = await wallet.getAddresses();
  const deployer = accounts[0] as Address;
  let now = start;

  async function mine(seconds: number, blocks = 1): Promise<void> {
    for (let block = 0; block < blocks; block++) {
      now += block === 0 ? seconds : 1;
      await provider.request({ method: "evm_setNextBlockTimestamp", params: [now] });
      await provider.request({ method: "evm_mine", params: [] });
    }
  }

  async function mined(hash: Hex): Promise<TransactionReceipt> {
    const txReceipt = await client.getTransactionReceipt({ hash });
    if (txReceipt.status !== "success") throw new Error(`transaction ${hash} reverted`);
    return txReceipt;
  }

  async function tick(): Promise<void> {
    now += 1;
    await provider.request({ method: "evm_setNextBlockTimestamp", params: [now] });
  }

  async function deploy(name: string, args: unknown[]): Promise<Contract> {
    const { abi, bytecode } = replaced[name] ?? (await hre.artifacts.readArtifact(name));
    await tick();
    const hash = await wallet.deployContract({ abi: abi as Abi, bytecode: bytecode as Hex, args, account: deployer });
    const { contractAddress } = await mined(hash);
    if (!contractAddress) throw new Error(`${name} was not deployed`);
    return { address: contractAddress, abi: abi as Abi };
  }

  async function send(from: Address, to: Contract, functionName: string, args: unknown[]): Promise<TransactionReceipt> {
    await tick();
    return await mined(
      await wallet.writeContract({ ...to, functionName, args, account: from, chain: hardhat, gas: 8_000_000n }),
    );
  }

  const read = <T>(from: Contract, functionName: string, args: unknown[] = []) =>
    client.readContract({ ...from, functionName, args }) as Promise<T>;

  return { provider, client, accounts, deployer, deploy, send, read, mine, now: () => now };
}
