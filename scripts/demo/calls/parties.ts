import { join } from "node:path";
import { type Address, type Hex, keccak256, stringToHex } from "viem";
import { generatePrivateKey, type LocalAccount, privateKeyToAccount } from "viem/accounts";
import type { NetworkAddresses } from "../../../src/chain/addresses.ts";
import { chainTime, connectChain, type SigningChain, signing } from "../../../src/chain/clients.ts";
import { encodeStartIncarnation, logOf } from "../../../src/chain/receiptLog.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeTokenTransfer } from "../../../src/chain/token.ts";
import { localTestAccount } from "../../../src/cli/localAccounts.ts";
import { startIncarnation } from "../../../src/gateway/incarnation.ts";
import { createIssuer, type Issuer } from "../../../src/gateway/issuer.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import {
  addStandingBond,
  type ChannelView,
  openChannel,
  registerOperator,
  signConsent,
} from "../../../src/sdk/index.ts";
import { openStore, type Store } from "../../../src/store/store.ts";

/** Which of the local chain's test accounts plays what; the jobs' parties are others. */
const ACCOUNTS = {
  firstPayer: 7,
  secondPayer: 8,
  honestOwner: 9,
  honestSigner: 13,
  dishonestOwner: 14,
  dishonestSigner: 15,
} as const;

export type CallsRole = keyof typeof ACCOUNTS;

/** An operator of calls: its signer's connection, and what it issues receipts with. */
export type CallsOperator = {
  operatorId: number;
  owner: SigningChain;
  signer: SigningChain;
  store: Store;
  issuer: Issuer;
};

/** A payer with an open channel. */
export type CallsPayer = { chain: SigningChain; voucherKey: LocalAccount; channel: ChannelView };

export const STANDING_BOND = parseOpg("300");
export const DEPOSIT = parseOpg("20");
const PURSE = parseOpg("1000");
const POLLING_INTERVAL_MS = 250;

export async function connectCaller(
  rpcUrl: string,
  addresses: NetworkAddresses,
  role: CallsRole,
): Promise<SigningChain> {
  const account = localTestAccount(ACCOUNTS[role]);
  return signing(await connectChain({ rpcUrl, addresses, account, pollingIntervalMs: POLLING_INTERVAL_MS }));
}

/** Gives the parties OPG. */
export async function fundCallers(deployer: SigningChain): Promise<void> {
  const roles = ["firstPayer", "secondPayer", "honestOwner", "dishonestOwner"] as const;
  const transferTo = (role: CallsRole) =>
    encodeTokenTransfer(deployer.addresses, localTestAccount(ACCOUNTS[role]).address, PURSE);
  await Promise.all(roles.map((role) => sendCall(deployer, transferTo(role))));
}

/** Registers an operator of calls with a standing bond, and starts the life of its gateway. */
export async function openCallsOperator(
  rpcUrl: string,
  addresses: NetworkAddresses,
  name: "honest" | "dishonest",
  folder: string,
): Promise<CallsOperator> {
  const [owner, signer] = await Promise.all([
    connectCaller(rpcUrl, addresses, `${name}Owner`),
    connectCaller(rpcUrl, addresses, `${name}Signer`),
  ]);
  const consent = await signConsent(localTestAccount(ACCOUNTS[`${name}Signer`]), owner, owner.account.address);
  const registration = { signer: signer.account.address, consent, stake: STANDING_BOND, allocate: 0n };
  const { operatorId } = await registerOperator(owner, registration);
  await addStandingBond(owner, STANDING_BOND);

  const store = await openStore(join(folder, name), await identityOf(owner, operatorId));
  const incarnation = await startIncarnation({
    current: async () => (await logOf(signer, operatorId)).incarnation,
    start: async (next) =>
      void (await sendCall(signer, encodeStartIncarnation(addresses, operatorId, next, generatePrivateKey()))),
  });
  const clock = await chainClock(signer);
  const issuer = await createIssuer({
    ...{ calls: store.calls, operatorId, incarnation, now: clock },
    domain: { chainId: signer.chainId, receipts: addresses.receipts },
    sign: (digest) => signDigest(signer, digest),
  });
  return { operatorId, owner, signer, store, issuer };
}

/** Opens a payer's channel, whose vouchers a key of their own signs. */
export async function openCaller(
  rpcUrl: string,
  addresses: NetworkAddresses,
  role: "firstPayer" | "secondPayer",
  operatorId: number,
): Promise<CallsPayer> {
  const chain = await connectCaller(rpcUrl, addresses, role);
  const voucherKey = privateKeyToAccount(keccak256(stringToHex(`LOCAL TEST KEY: the demo's ${role} signs vouchers`)));
  const funding = { operatorId, voucherKey: voucherKey.address as Address, amount: DEPOSIT };
  const { channel } = await openChannel(chain, funding);
  return { chain, voucherKey, channel };
}

export async function signDigest({ account }: SigningChain, digest: Hex): Promise<Hex> {
  if (account.type !== "local" || account.sign === undefined)
    throw new Error("the demo's accounts have their keys here");
  return await account.sign({ hash: digest });
}

/** The chain's time, which may run before or after this machine's: at most as late as its newest block. */
async function chainClock(chain: SigningChain): Promise<() => number> {
  const ahead = (await chainTime(chain)) - Math.floor(Date.now() / 1_000);
  return () => Math.floor(Date.now() / 1_000) + ahead - 1;
}

async function identityOf({ chainId, addresses, publicClient }: SigningChain, operatorId: number) {
  const { hash: genesisHash } = await publicClient.getBlock({ blockNumber: 0n });
  const secretHash = keccak256(stringToHex("no node's secret: a gateway has none"));
  return { chainId, genesisHash, escrow: addresses.escrow, operatorId, secretHash };
}
