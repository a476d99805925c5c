import type { Command } from "commander";
import type { Address } from "viem";
import { ledgerBalanceOf } from "../chain/escrow.ts";
import { tokenBalanceOf } from "../chain/token.ts";
import { withdrawBalance } from "../sdk/claims.ts";
import { depositBalance } from "../sdk/funds.ts";
import { answering } from "./answering.ts";
import { address, opgAmount } from "./options.ts";
import { type Answer, lines, opg } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/** `opg escrow …` */
export function addEscrowCommands(program: Command, terminal: Terminal): void {
  const escrow = program.command("escrow").description("the balance that jobs are paid from");
  escrow
    .command("deposit")
    .description("put OPG into an escrow balance")
    .argument("<amount>", "OPG", opgAmount)
    .option("--for <account>", "whose balance grows; your own unless told", address)
    .action(answering(terminal, deposit));
  escrow
    .command("withdraw")
    .description("take OPG out of your escrow balance")
    .argument("<amount>", "OPG", opgAmount)
    .option("--to <address>", "who gets it; you unless told", address)
    .action(answering(terminal, withdraw));
  escrow
    .command("balance")
    .description("what an account has in escrow and outside")
    .argument("[address]", "your own unless told", address)
    .action(answering(terminal, balance));
}

async function deposit(session: Session, amount: bigint, options: { for?: Address }): Promise<Answer> {
  const chain = await session.signingChain();
  const account = options.for ?? chain.account.address;
  const { transactionHash } = await depositBalance(chain, amount, account);
  const inEscrow = await ledgerBalanceOf(chain, account);
  return {
    json: { account, deposited: amount, balance: inEscrow, transactionHash },
    text: `${account} has ${opg(inEscrow)} in escrow`,
  };
}

async function withdraw(session: Session, amount: bigint, { to }: { to?: Address }): Promise<Answer> {
  const chain = await session.signingChain();
  const recipient = to ?? chain.account.address;
  const { transactionHash } = await withdrawBalance(chain, recipient, amount);
  const inEscrow = await ledgerBalanceOf(chain, chain.account.address);
  return {
    json: { withdrawn: amount, to: recipient, balance: inEscrow, transactionHash },
    text: `${opg(amount)} to ${recipient}, ${opg(inEscrow)} left in escrow`,
  };
}

async function balance(session: Session, account: Address | undefined): Promise<Answer> {
  const holder = account ?? (await session.signingChain()).account.address;
  const chain = await session.chain();
  const [inEscrow, outside] = await Promise.all([ledgerBalanceOf(chain, holder), tokenBalanceOf(chain, holder)]);
  return {
    json: { account: holder, balance: inEscrow, tokens: outside },
    text: lines([
      ["account", holder],
      ["in escrow", opg(inEscrow)],
      ["outside", opg(outside)],
    ]),
  };
}
