import { type Command, Option } from "commander";
import { type Address, formatEther, parseEther } from "viem";
import type { SigningChain } from "../chain/clients.ts";
import { rethrow } from "../chain/contractErrors.ts";
import { sendCall } from "../chain/sendCall.ts";
import { encodeTokenTransfer, tokenBalanceOf } from "../chain/token.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { parseOpg } from "../protocol/units.ts";
import { answering } from "./answering.ts";
import { localTestAccount } from "./localAccounts.ts";
import { address, opgAmount } from "./options.ts";
import { type Answer, lines, opg } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/** Whoever has less of the chain's coin gets as much, for gas. */
const COIN = parseEther("1");

/** `opg faucet` */
export function addFaucetCommand(program: Command, terminal: Terminal): void {
  program
    .command("faucet")
    .description("test OPG, and coin for gas, from a local chain's account 0; local chains only")
    .argument("[address]", "who gets it; you unless told", address)
    .addOption(new Option("--amount <opg>", "how much").argParser(opgAmount).default(parseOpg("1000"), "1000"))
    .action(answering(terminal, faucet));
}

async function faucet(session: Session, wanted: Address | undefined, { amount }: { amount: bigint }): Promise<Answer> {
  const { isLocal } = await session.network();
  if (!isLocal) {
    throw new ProtocolError(
      "usage/not-local",
      "there is a faucet on --network localhost only: get OPG elsewhere, or start a local chain",
    );
  }
  const account = wanted ?? (await session.signingChain()).account.address;
  const holder = await session.chainOf(localTestAccount(0));
  const { tokens, coin } = await pourOut(holder, account, amount);
  return {
    json: { account, given: amount, tokens, coin },
    text: lines([
      ["account", account],
      ["OPG", opg(tokens)],
      ["coin for gas", formatEther(coin)],
    ]),
  };
}

/**
 * Gives an account test OPG, and coin when it has hardly any.
 * @param holder a local chain's account 0
 * @param amount OPG base units
 * @returns what the account has then: OPG base units, and wei
 */
export async function pourOut(
  holder: SigningChain,
  account: Address,
  amount: bigint,
): Promise<{ tokens: bigint; coin: bigint }> {
  const { publicClient, walletClient, addresses } = holder;
  await sendCall(holder, encodeTokenTransfer(addresses, account, amount));
  const before = await publicClient.getBalance({ address: account }).catch(rethrow);
  if (before < COIN) {
    const hash = await walletClient.sendTransaction({ to: account, value: COIN }).catch(rethrow);
    await publicClient.waitForTransactionReceipt({ hash }).catch(rethrow);
  }
  const [tokens, coin] = await Promise.all([
    tokenBalanceOf(holder, account),
    publicClient.getBalance({ address: account }).catch(rethrow),
  ]);
  return { tokens, coin };
}
