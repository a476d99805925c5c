import type { Command } from "commander";
import type { Address } from "viem";
import { operatorStatus, ownOperator } from "../sdk/operatorStatus.ts";
import { addStake, unbondStake, withdrawStake } from "../sdk/stake.ts";
import { addStandingBond, leaveStandingBond, type StandingBond } from "../sdk/standingBond.ts";
import { answering } from "./answering.ts";
import { address, opgAmount } from "./options.ts";
import { type Answer, hashesOf, lines, opg, time } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/** `opg stake …` */
export function addStakeCommands(program: Command, terminal: Terminal): void {
  const stake = program.command("stake").description("an operator's stake: in, out, and what it earned");
  stake
    .command("add")
    .description("stake more, and join the verifier with it")
    .argument("<amount>", "OPG", opgAmount)
    .option("--no-join", "let it back nothing yet")
    .action(answering(terminal, add));
  stake
    .command("unbond")
    .description("start to take stake out: what backs nothing first, then from the verifier; slashable until released")
    .argument("<amount>", "OPG", opgAmount)
    .action(answering(terminal, unbond));
  stake
    .command("bond")
    .description("put stake that backs nothing behind the operator's receipts (opg stake add --no-join brings some)")
    .argument("<amount>", "OPG", opgAmount)
    .action(answering(terminal, bond));
  stake
    .command("unbond-receipts")
    .description("start to take the standing bond behind receipts out; slashable until released")
    .argument("<amount>", "OPG", opgAmount)
    .action(answering(terminal, unbondReceipts));
  stake
    .command("withdraw")
    .description("pay out what was unbonded long enough, and all earnings")
    .option("--to <address>", "who gets it; the owner unless told", address)
    .action(answering(terminal, withdraw));
}

async function add(session: Session, amount: bigint, { join }: { join: boolean }): Promise<Answer> {
  const chain = await session.signingChain();
  const onProgress = ({ call }: { call: string }) => session.progress.say(`sending ${call}`);
  const txReceipts = await addStake(chain, { amount, join, onProgress });
  const { stake, allocation } = await operatorStatus(chain, await ownOperator(chain, chain.account.address));
  return {
    json: { added: amount, active: stake.active, allocated: allocation.active, transactions: hashesOf(txReceipts) },
    text: lines([
      ["stake", opg(stake.active)],
      ["at the verifier", opg(allocation.active)],
    ]),
  };
}

async function unbond(session: Session, amount: bigint): Promise<Answer> {
  const chain = await session.signingChain();
  const txReceipts = await unbondStake(chain, amount);
  const { allocation, unbonding } = await operatorStatus(chain, await ownOperator(chain, chain.account.address));
  const leaving = [allocation, unbonding].filter((part) => part.leaving > 0n);
  return {
    json: { unbonded: amount, leaving, transactions: hashesOf(txReceipts) },
    text: lines([
      ["unbonded", opg(amount)],
      ...leaving.map((part) => ["leaving", `${opg(part.leaving)}, released at ${time(part.releasesAt)}`] as const),
      ["then", "opg stake withdraw"],
    ]),
  };
}

async function bond(session: Session, amount: bigint): Promise<Answer> {
  return bondAnswer(await addStandingBond(await session.signingChain(), amount));
}

async function unbondReceipts(session: Session, amount: bigint): Promise<Answer> {
  return bondAnswer(await leaveStandingBond(await session.signingChain(), amount));
}

function bondAnswer({ operatorId, bond: standingBond, txReceipts }: StandingBond): Answer {
  return {
    json: { operatorId, standingBond, transactions: hashesOf(txReceipts) },
    text: `${opg(standingBond)} behind the receipts of operator ${operatorId}`,
  };
}

async function withdraw(session: Session, { to }: { to?: Address }): Promise<Answer> {
  const chain = await session.signingChain();
  const recipient = to ?? chain.account.address;
  const { amount, txReceipts } = await withdrawStake(chain, recipient);
  return {
    json: { withdrawn: amount, to: recipient, transactions: hashesOf(txReceipts) },
    text: amount === 0n ? "nothing to withdraw yet: see opg operator status" : `${opg(amount)} to ${recipient}`,
  };
}
