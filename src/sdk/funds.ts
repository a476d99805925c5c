import type { Address, TransactionReceipt } from "viem";
import { type Chain, signing } from "../chain/clients.ts";
import { encodeDeposit, ledgerBalanceOf } from "../chain/escrow.ts";
import { sendCall } from "../chain/sendCall.ts";
import { encodeApprove, tokenAllowanceOf, tokenBalanceOf } from "../chain/token.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { formatOpg } from "../protocol/units.ts";

export type FundingOptions = {
  /** False: never deposit, the ledger balance has to be there. True unless told. */
  autoDeposit?: boolean;
  /** False: never approve, deposit only what the escrow may already take. True unless told. */
  autoApprove?: boolean;
  onProgress?: (progress: FundingProgress) => void;
};

/** Amounts are OPG base units. */
export type FundingProgress = { stage: "approving" | "depositing"; amount: bigint };

/** Fees of jobs that this process is about to open, set apart from the ledger balance until each is mined. */
type Account = { setApart: bigint; lastTurn: Promise<unknown> };

const accounts = new Map<string, Account>();

/**
 * Makes sure that the payer's ledger balance covers a fee beside those of its other jobs in flight here; deposits what
 * is missing.
 * @returns call it when the job is mined or given up
 * @throws ProtocolError `sdk/insufficient-funds` when tokens are missing, or the balance is short and `autoDeposit` is
 * false; `sdk/insufficient-allowance` when `autoApprove` is false and the escrow may not take enough
 */
export async function setFeeApart(
  chain: Chain,
  payer: Address,
  fee: bigint,
  options: FundingOptions = {},
): Promise<() => void> {
  const account = accountOf(chain, payer);
  const turn = account.lastTurn.then(
    () => fund(chain, payer, fee, account, options),
    () => fund(chain, payer, fee, account, options),
  );
  account.lastTurn = turn;
  await turn;
  return () => {
    account.setApart -= fee;
  };
}

async function fund(chain: Chain, payer: Address, fee: bigint, account: Account, options: FundingOptions) {
  const balance = await ledgerBalanceOf(chain, payer);
  const free = balance > account.setApart ? balance - account.setApart : 0n;
  if (free < fee) await deposit(chain, payer, fee - free, options);
  account.setApart += fee;
}

/**
 * Deposits OPG of the connection's account into the escrow, approving it first where needed.
 * @param amount OPG base units
 * @param account whose balance grows; the connection's own unless told
 * @throws ProtocolError `sdk/insufficient-funds`, `chain/no-account`, `contract/InvalidRecipient`
 */
export async function depositBalance(chain: Chain, amount: bigint, account?: Address): Promise<TransactionReceipt> {
  const owner = signing(chain).account.address;
  const { escrow } = chain.addresses;
  const tokens = await tokenBalanceOf(chain, owner);
  if (tokens < amount) {
    throw new ProtocolError(
      "sdk/insufficient-funds",
      `got ${amount} OPG base units to deposit, ${owner} holds ${tokens}: get OPG first or deposit less`,
    );
  }
  if ((await tokenAllowanceOf(chain, owner, escrow)) < amount) {
    await sendCall(chain, encodeApprove(chain.addresses, escrow, amount));
  }
  return sendCall(chain, encodeDeposit(chain.addresses, account ?? owner, amount));
}

async function deposit(chain: Chain, payer: Address, missing: bigint, options: FundingOptions): Promise<void> {
  const { autoDeposit = true, autoApprove = true, onProgress } = options;
  const { escrow } = chain.addresses;
  const [tokens, allowance] = await Promise.all([tokenBalanceOf(chain, payer), tokenAllowanceOf(chain, payer, escrow)]);
  if (!autoDeposit || tokens < missing) {
    throw new ProtocolError(
      "sdk/insufficient-funds",
      `${formatOpg(missing)} OPG are missing from ${payer}'s escrow balance, it holds ${formatOpg(tokens)} outside: ${tokens < missing ? "get OPG first" : "deposit them, or allow autoDeposit"}`,
    );
  }
  if (allowance < missing && !autoApprove) {
    throw new ProtocolError(
      "sdk/insufficient-allowance",
      `the escrow may take ${formatOpg(allowance)} OPG from ${payer}, ${formatOpg(missing)} are missing: approve them, or allow autoApprove`,
    );
  }
  if (allowance < missing) {
    onProgress?.({ stage: "approving", amount: missing });
    await sendCall(chain, encodeApprove(chain.addresses, escrow, missing));
  }
  onProgress?.({ stage: "depositing", amount: missing });
  await sendCall(chain, encodeDeposit(chain.addresses, payer, missing));
}

function accountOf({ chainId, addresses }: Chain, payer: Address): Account {
  const owner = `${chainId}:${addresses.escrow}:${payer}`.toLowerCase();
  const known = accounts.get(owner);
  if (known !== undefined) return known;
  const fresh = { setApart: 0n, lastTurn: Promise.resolve() };
  accounts.set(owner, fresh);
  return fresh;
}
