import { channelEvents } from "../../../src/chain/channelEvents.ts";
import { callEarningsOf, channelOf } from "../../../src/chain/channels.ts";
import type { Chain } from "../../../src/chain/clients.ts";
import { challengeOf } from "../../../src/chain/receiptLog.ts";
import { receiptLogEvents } from "../../../src/chain/receiptLogEvents.ts";
import { tokenBalanceOf } from "../../../src/chain/token.ts";

/** OPG base units; equal unless somebody sent the contract tokens directly. */
export type Balance = { held: bigint; owed: bigint };

/** What the voucher escrow holds, and owes to channels and operators (M3). */
export async function readVoucherBalance(chain: Chain): Promise<Balance> {
  const opened = (await channelEvents(chain, wholeLog(chain))).filter((event) => event.kind === "opened");
  const parties = new Map(opened.map((event) => [`${event.payer} ${event.operatorId} ${event.voucherKey}`, event]));
  const channels = await Promise.all([...parties.values()].map((each) => channelOf(chain, each)));
  const operators = new Set(opened.map(({ operatorId }) => operatorId));
  const earnings = await Promise.all([...operators].map((id) => callEarningsOf(chain, id)));
  const owed = [...channels.map(({ deposited, claimed }) => deposited - claimed), ...earnings];
  return { held: await tokenBalanceOf(chain, chain.addresses.vouchers), owed: sum(owed) };
}

/** What the receipt log holds, and owes to open challenges (M6). */
export async function readBondBalance(chain: Chain): Promise<Balance> {
  const events = (await receiptLogEvents(chain, wholeLog(chain))).filter((event) => event.kind === "challenged");
  const challenges = await Promise.all(events.map((event) => challengeOf(chain, event.operatorId, event.receiptId)));
  const bonds = challenges.map(({ status, bond }) => (status === "open" ? bond : 0n));
  return { held: await tokenBalanceOf(chain, chain.addresses.receipts), owed: sum(bonds) };
}

function wholeLog({ addresses }: Chain) {
  return { fromBlock: BigInt(addresses.deployedAtBlock), toBlock: "latest" } as const;
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
