import type { Address, Hex } from "viem";
import { jobEscrowAbi } from "../../src/chain/abi/jobEscrow.ts";
import type { Chain } from "../../src/chain/clients.ts";
import { accrualsOf, ledgerBalanceOf } from "../../src/chain/escrow.ts";
import { jobsEnded, jobsOpened } from "../../src/chain/jobEvents.ts";
import { tokenBalanceOf } from "../../src/chain/token.ts";

/** What the escrow holds and what it owes, OPG base units; equal unless somebody sent it tokens directly (M1). */
export type EscrowBalance = { held: bigint; owed: bigint };

/** Adds up every account that ever had a ledger balance, what models have accrued, and the fees of open jobs. */
export async function readEscrowBalance(chain: Chain): Promise<EscrowBalance> {
  const range = { fromBlock: BigInt(chain.addresses.deployedAtBlock), toBlock: "latest" } as const;
  const [opened, ended, accounts] = await Promise.all([
    jobsOpened(chain, range),
    jobsEnded(chain, range),
    ledgerAccounts(chain, range),
  ]);
  for (const { job } of opened) accounts.add(job.payer).add(job.verifier);
  const models = new Set<Hex>(opened.map(({ job }) => job.modelId));
  const isEnded = new Set(ended.map(({ jobId }) => jobId));

  const balances = await Promise.all([...accounts].map((account) => ledgerBalanceOf(chain, account)));
  const accruals = await Promise.all([...models].map((modelId) => accrualsOf(chain, modelId)));
  const fees = opened.filter(({ jobId }) => !isEnded.has(jobId)).map(({ job }) => job.fee);
  const owed = [...balances, ...accruals.flatMap(({ royalty, protocolFee }) => [royalty, protocolFee]), ...fees];
  return {
    held: await tokenBalanceOf(chain, chain.addresses.escrow),
    owed: owed.reduce((sum, amount) => sum + amount, 0n),
  };
}

async function ledgerAccounts(
  { publicClient, addresses }: Chain,
  range: { fromBlock: bigint; toBlock: "latest" },
): Promise<Set<Address>> {
  const event = { address: addresses.escrow, abi: jobEscrowAbi, strict: true, ...range } as const;
  const [deposits, transfers, royalties, protocolFees] = await Promise.all([
    publicClient.getContractEvents({ ...event, eventName: "Deposited" }),
    publicClient.getContractEvents({ ...event, eventName: "Transferred" }),
    publicClient.getContractEvents({ ...event, eventName: "RoyaltyClaimed" }),
    publicClient.getContractEvents({ ...event, eventName: "ProtocolFeeClaimed" }),
  ]);
  return new Set([
    ...deposits.map(({ args }) => args.account),
    ...transfers.map(({ args }) => args.to),
    ...royalties.map(({ args }) => args.recipient),
    ...protocolFees.map(({ args }) => args.recipient),
  ]);
}
