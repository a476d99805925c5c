import type { Hex } from "viem";
import type { HDAccount } from "viem/accounts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";
import { connectChain, type Provider, type SigningChain, signing } from "../../src/chain/clients.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import { encodeTokenTransfer } from "../../src/chain/token.ts";
import { localTestAccount } from "../../src/cli/localAccounts.ts";

/** A fresh local chain, which mines with every transaction, with the network deployed on it. */
export type TestNetwork = {
  provider: Provider;
  addresses: NetworkAddresses;
  /** A connection that signs with the n-th of the chain's funded accounts; 0 deployed and holds all OPG. */
  connectAs(index: number): Promise<SigningChain>;
  /** The n-th account itself. */
  account(index: number): HDAccount;
  /** Gives an account OPG, base units. */
  fund(index: number, amount: bigint): Promise<void>;
  /** Mines a block this many seconds after the latest. */
  elapse(seconds: number): Promise<void>;
  /** Mines blocks. */
  mine(blocks: number): Promise<void>;
  /** The chain as it is now; call what is returned to go back to it, once. */
  snapshot(): Promise<() => Promise<void>>;
};

const POLLING_INTERVAL_MS = 20;

/** What tests do with a local chain, over its provider. */
export function controlNetwork(provider: Provider, addresses: NetworkAddresses): TestNetwork {
  const rpc = async (method: string, ...params: unknown[]) =>
    provider.request({ method, params } as Parameters<Provider["request"]>[0]);
  const connectAs = async (index: number) =>
    signing(
      await connectChain({
        provider,
        addresses,
        account: localTestAccount(index),
        pollingIntervalMs: POLLING_INTERVAL_MS,
      }),
    );
  return {
    provider,
    addresses,
    account: localTestAccount,
    connectAs,
    async fund(index, amount) {
      const holder = await connectAs(0);
      await sendCall(holder, encodeTokenTransfer(addresses, localTestAccount(index).address, amount));
    },
    async elapse(seconds) {
      await rpc("evm_increaseTime", seconds);
      await rpc("evm_mine");
    },
    async mine(blocks) {
      await rpc("hardhat_mine", `0x${blocks.toString(16)}`);
    },
    async snapshot() {
      const id = (await rpc("evm_snapshot")) as Hex;
      return async () => {
        await rpc("evm_revert", id);
      };
    },
  };
}
