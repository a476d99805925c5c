import { artifacts, network } from "hardhat";
import {
  type Abi,
  type Address,
  createClient,
  createWalletClient,
  custom,
  type Hex,
  maxUint256,
  toHex,
  zeroAddress,
} from "viem";
import type { HDAccount } from "viem/accounts";
import { hardhat } from "viem/chains";
import { operatorStakingAbi } from "../../src/chain/abi/operatorStaking.ts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";
import type { VouchersAddress } from "../../src/chain/channels.ts";
import { clientActions } from "../../src/chain/clientActions.ts";
import type { Chain, Provider, SigningChain } from "../../src/chain/clients.ts";
import { encodeJoinLog, type ReceiptsAddress } from "../../src/chain/receiptLog.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import { encodeAllowVerifier, encodeRegister, encodeStake, operatorOf } from "../../src/chain/staking.ts";
import { encodeApprove } from "../../src/chain/token.ts";
import { localTestAccount } from "../../src/cli/localAccounts.ts";

export type CallsChain = SigningChain & { addresses: NetworkAddresses & VouchersAddress & ReceiptsAddress };

/** A fresh chain in this process with the contracts of calls and one operator, whose owner and signer is account 0. */
export type CallsNetwork = {
  operatorId: number;
  /** A connection that signs with the n-th of the chain's funded accounts; 0 deployed and holds all OPG. */
  connectAs(index: number): CallsChain;
  /** Mines a block this many seconds after the latest. */
  elapse(seconds: number): Promise<void>;
};

export const TERMS = {
  anchorSeconds: 3_600,
  challengeSeconds: 86_400,
  answerSeconds: 86_400,
  evidenceSeconds: 5 * 86_400,
  omissionSlash: 100n * 10n ** 18n,
  equivocationSlash: 1_000n * 10n ** 18n,
};
export const EXIT_SECONDS = 2 * 86_400;
export const CHALLENGE_BOND = 10n ** 18n;
export const STANDING_BOND = 20_000n * 10n ** 18n;

export async function startCallsNetwork(): Promise<CallsNetwork> {
  const { provider } = await network.create();
  const deployer = localTestAccount(0);
  const settings = { chain: hardhat, transport: custom(provider, { retryCount: 0 }), pollingInterval: 5, cacheTime: 0 };
  const publicClient = createClient(settings).extend(clientActions) as Chain["publicClient"];
  const walletOf = (account: HDAccount) => createWalletClient({ ...settings, account });

  async function deploy(name: string, args: unknown[]): Promise<Address> {
    const { abi, bytecode } = await artifacts.readArtifact(name);
    const hash = await walletOf(deployer).deployContract({ abi: abi as Abi, bytecode: bytecode as Hex, args });
    return (await publicClient.waitForTransactionReceipt({ hash })).contractAddress as Address;
  }

  const opg = await deploy("OPG", [deployer.address]);
  const authority = await deploy("AccessManager", [deployer.address]);
  const escrow = await deploy("JobEscrow", [opg, authority, deployer.address, 0]);
  const staking = await deploy("OperatorStaking", [opg, escrow, authority, 14 * 86_400]);
  const vouchers = await deploy("VoucherEscrow", [escrow, staking, authority, EXIT_SECONDS]);
  const receipts = await deploy("ReceiptLog", [vouchers, authority, TERMS, CHALLENGE_BOND]);
  const addresses = {
    ...{ chainId: hardhat.id, opg, authority, escrow, staking, vouchers, receipts },
    verifier: zeroAddress,
    deployedAtBlock: 0,
  };
  const connectAs = (index: number): CallsChain => {
    const account = localTestAccount(index);
    return { chainId: hardhat.id, publicClient, addresses, account, walletClient: walletOf(account) };
  };

  const owner = connectAs(0);
  const permitted = await owner.walletClient.writeContract({
    ...{ address: staking, abi: operatorStakingAbi, functionName: "permitVerifier", args: [receipts, true] },
    ...{ chain: hardhat, account: deployer },
  });
  await publicClient.waitForTransactionReceipt({ hash: permitted });
  for (const call of [
    encodeApprove(addresses, staking, maxUint256),
    encodeApprove(addresses, receipts, maxUint256),
    encodeRegister(addresses, deployer.address, 0n, "0x"),
    encodeStake(addresses, STANDING_BOND),
    encodeAllowVerifier(addresses, receipts, STANDING_BOND),
    encodeJoinLog(addresses, STANDING_BOND),
  ]) {
    await sendCall(owner, call);
  }
  const rpc = (method: string, ...params: unknown[]) =>
    provider.request({ method, params } as Parameters<Provider["request"]>[0] & { params: unknown[] });
  return {
    operatorId: await operatorOf(owner, deployer.address),
    connectAs,
    async elapse(seconds) {
      await rpc("evm_increaseTime", toHex(seconds));
      await rpc("evm_mine");
    },
  };
}
