import { type Command, InvalidArgumentError } from "commander";
import type { Address } from "viem";
import { callEarningsOf, exitSecondsOf } from "../chain/channels.ts";
import { chainTime } from "../chain/clients.ts";
import { standingBondOf } from "../chain/receiptLog.ts";
import { type ChannelView, channelsOf, leaveChannel, openChannel, readChannel, topUpChannel } from "../sdk/channels.ts";
import { answering } from "./answering.ts";
import { address, count, opgAmount } from "./options.ts";
import { type Answer, hashesOf, lines, opg, time } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type Toward = { operator: number; voucherKey?: Address };
type Whose = Toward & { payer?: Address };

const POLL_MS = 1_000;

/** `opg channel …` */
export function addChannelCommands(program: Command, terminal: Terminal): void {
  const channel = program
    .command("channel")
    .description("balances toward one operator each, which calls are paid from");
  const VOUCHER_KEY = [
    "--voucher-key <address>",
    "the plain key that signs vouchers; your own account unless told",
  ] as const;
  channel
    .command("open")
    .description("put OPG into a new channel toward an operator")
    .argument("<amount>", "OPG", opgAmount)
    .requiredOption("--operator <id>", "who will be paid", operatorId)
    .option(...VOUCHER_KEY, address)
    .action(answering(terminal, open));
  channel
    .command("topup")
    .description("put more OPG into an open channel")
    .argument("<amount>", "OPG", opgAmount)
    .requiredOption("--operator <id>", "whose channel", operatorId)
    .option(...VOUCHER_KEY, address)
    .action(answering(terminal, topUp));
  channel
    .command("close")
    .description(
      "leave a channel: begins the exit; run again (or --wait) once its time has passed, it pays back the rest",
    )
    .requiredOption("--operator <id>", "whose channel", operatorId)
    .option(...VOUCHER_KEY, address)
    .option(
      "--payer <address>",
      "whose channel; your own unless told (anyone can end an exit whose time has passed)",
      address,
    )
    .option("--wait", "until the exit's time has passed, and close it")
    .action(answering(terminal, close));
  channel
    .command("status")
    .description("where channels stand: all that a payer has opened, or one")
    .option("--operator <id>", "the one toward this operator", operatorId)
    .option(...VOUCHER_KEY, address)
    .option("--payer <address>", "whose channels; your own unless told", address)
    .action(answering(terminal, status));
}

function operatorId(text: string): number {
  const id = count(text);
  if (id > 2 ** 32 - 1) throw new InvalidArgumentError("Ids are below 2^32.");
  return id;
}

async function open(session: Session, amount: bigint, { operator, voucherKey }: Toward): Promise<Answer> {
  const chain = await session.signingChain();
  const onProgress = ({ call }: { call: string }) => session.progress.say(`sending ${call}`);
  const funding = { operatorId: operator, amount, onProgress, ...(voucherKey && { voucherKey }) };
  const { channel, txReceipts } = await openChannel(chain, funding);
  const bond = await standingBondOf(chain, operator);
  if (bond === 0n) session.progress.say(`operator ${operator} has no standing bond: nothing backs its receipts`);
  return {
    json: { ...toJson(channel), standingBond: bond, transactions: hashesOf(txReceipts) },
    text: lines([...describe(channel), ["standing bond", `${opg(bond)} behind the operator's receipts`]]),
  };
}

async function topUp(session: Session, amount: bigint, { operator, voucherKey }: Toward): Promise<Answer> {
  const chain = await session.signingChain();
  const onProgress = ({ call }: { call: string }) => session.progress.say(`sending ${call}`);
  const funding = { operatorId: operator, amount, onProgress, ...(voucherKey && { voucherKey }) };
  const { channel, txReceipts } = await topUpChannel(chain, funding);
  return { json: { ...toJson(channel), transactions: hashesOf(txReceipts) }, text: lines(describe(channel)) };
}

async function close(session: Session, { operator, wait, ...whose }: Whose & { wait?: true }): Promise<Answer> {
  const chain = await session.signingChain();
  const parties = { operatorId: operator, ...whose };
  let left = await leaveChannel(chain, parties);
  const hashes = hashesOf(left.txReceipts);
  if (wait && left.channel.state === "exiting") {
    session.progress.begin(`waiting until ${time(left.channel.exitsAt)}`);
    while ((await chainTime(chain)) < left.channel.exitsAt) await new Promise((done) => setTimeout(done, POLL_MS));
    left = await leaveChannel(chain, parties);
    hashes.push(...hashesOf(left.txReceipts));
  }
  const { channel, returned } = left;
  const isClosed = channel.state === "none";
  return {
    json: { ...toJson(channel), returned, transactions: hashes },
    text: isClosed
      ? `closed: ${opg(returned)} back to ${channel.payer}`
      : lines([
          ...describe(channel),
          ["then", "opg channel close again: until then the operator can claim its vouchers"],
        ]),
  };
}

async function status(session: Session, options: Partial<Toward> & { payer?: Address }): Promise<Answer> {
  const payer = options.payer ?? (await session.signingChain()).account.address;
  const chain = await session.chain();
  const channels =
    options.operator === undefined
      ? await channelsOf(chain, payer)
      : [await readChannel(chain, { payer, operatorId: options.operator, voucherKey: options.voucherKey ?? payer })];
  const exitSeconds = await exitSecondsOf(chain);
  const earnings = await Promise.all(channels.map(({ operatorId: id }) => callEarningsOf(chain, id)));
  return {
    json: {
      payer,
      exitSeconds,
      channels: channels.map((channel, at) => ({ ...toJson(channel), earnings: earnings[at] })),
    },
    text:
      channels.length === 0
        ? `${payer} has opened no channel: opg channel open <amount> --operator <id>`
        : channels.map((channel) => lines(describe(channel))).join("\n\n"),
  };
}

function toJson(channel: ChannelView): Record<string, unknown> {
  const { exitsAt, ...rest } = channel;
  return { ...rest, exitsAt: exitsAt === 0 ? null : exitsAt };
}

function describe(channel: ChannelView): [string, string | undefined][] {
  const { channelId, operatorId, voucherKey, opening, state, deposited, claimed, remaining, exitsAt } = channel;
  return [
    ["channel", channelId ?? "none opened yet"],
    ["operator", String(operatorId)],
    ["voucher key", voucherKey],
    ["state", `${state}${opening > 0 ? `, opening ${opening}` : ""}`],
    ["put in", state === "none" ? undefined : opg(deposited)],
    ["claimed", state === "none" ? undefined : opg(claimed)],
    ["left", state === "none" ? undefined : opg(remaining)],
    ["can close", exitsAt === 0 ? undefined : `from ${time(exitsAt)}`],
  ];
}
