import { type Address, type Hex, keccak256, maxUint256, stringToHex, zeroHash } from "viem";
import { localTestAccount } from "../../../src/cli/localAccounts.ts";
import { batchOf, type Inclusion, inclusionOf } from "../../../src/protocol/batch.ts";
import { type Channel, channelId, type Funding, fundingTypedData } from "../../../src/protocol/channel.ts";
import {
  onChainReceipt,
  type Part,
  partTypedData,
  type Receipt,
  receiptId,
  receiptTypedData,
  type SignedPart,
  sequenceOf,
} from "../../../src/protocol/receipt.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { packVouchers, voucherTypedData } from "../../../src/protocol/voucher.ts";
import type { Deployed } from "./deployed.ts";

const PAYER = localTestAccount(1);
const VOUCHER_KEY = localTestAccount(9);
const CHALLENGER = localTestAccount(10);
const NEWCOMER = localTestAccount(8);
/** Of the operators, in their order. */
export const FIRST_SIGNER = 14;

/** What each operator has at stake for its calls, and how much of it the first one is taking out. */
export const STANDING = parseOpg("400");
export const STANDING_LEFT = parseOpg("20");
/** What is in each channel when it opens. */
export const FUNDED = parseOpg("10");
/** As in `deploy/parameters/local.json`. */
export const CHALLENGE_BOND = parseOpg("1");
export const OMISSION_SLASH = parseOpg("10");
export const EQUIVOCATION_SLASH = parseOpg("100");

/** What the process of a gateway calls itself. */
export const LIFE = keccak256(stringToHex("a process"));

/** Every state a channel can be in, each toward an operator of its own. `open`: its voucher waits to be claimed. */
export const CHANNEL_NAMES = ["open", "paid", "exiting"] as const;
export type ChannelName = (typeof CHANNEL_NAMES)[number];

/** What the vouchers of each promise; those of the last two are claimed and not harvested. */
export const PROMISED: Record<ChannelName, bigint> = {
  open: parseOpg("4"),
  paid: parseOpg("3"),
  exiting: parseOpg("1"),
};

/** Of the first operator. The first two are challenged, of which one was anchored; the third one's window is open. */
export const RECEIPT_NAMES = ["anchored", "omitted", "unchallenged"] as const;
export type ReceiptName = (typeof RECEIPT_NAMES)[number];

/** Signed by the second operator, and shown by nobody: one sequence for each function that takes them. */
export const SHOWN_BY = ["showReceipts", "showReceiptAndPart", "showParts"] as const;
export type ShownBy = (typeof SHOWN_BY)[number];

export type Operator = { id: number; owner: Address; signer: Address };
export type StagedChannel = { channel: Channel; channelId: Hex; voucher: Hex };
export type StagedReceipt = { receiptId: Hex; receipt: ReturnType<typeof onChainReceipt>; signature: Hex };
export type Contradiction = { channelId: Hex; sequence: bigint; evidence: readonly unknown[] };

export type StagedCalls = {
  channels: Record<ChannelName, StagedChannel>;
  /** One the payer has not opened. */
  spare: Channel;
  receipts: Record<ReceiptName, StagedReceipt>;
  /** Of the anchored receipt. */
  inclusion: Inclusion;
  /** What each function takes, but for whom the bounty goes to. */
  contradictions: Record<ShownBy, Contradiction>;
  /** A receipt of the first operator that was issued now. */
  freshReceipt(): Promise<StagedReceipt>;
};

/** Standing bonds, channels in every state, a batch, two open challenges and evidence that nobody has shown. */
export async function stageCalls(network: Deployed, operators: readonly Operator[]): Promise<StagedCalls> {
  const { addresses, send, now, read, elapse } = network;
  const [first, second] = operators;
  if (first === undefined || second === undefined) throw new Error("not enough operators");

  for (const [index, { id, owner, signer }] of operators.entries()) {
    await send(owner, "OperatorStaking", "allowVerifier", addresses.receipts, STANDING);
    await send(owner, "ReceiptLog", "join", STANDING);
    await send(signer, "ReceiptLog", "startIncarnation", id, 1, LIFE);
    if (index === 0) await send(owner, "ReceiptLog", "leave", STANDING_LEFT);
  }

  const channels = {} as Record<ChannelName, StagedChannel>;
  for (const [index, name] of CHANNEL_NAMES.entries()) {
    const operatorId = operators[index]?.id ?? 0;
    const channel = { payer: PAYER.address, operatorId, voucherKey: VOUCHER_KEY.address, opening: 1 };
    await send(PAYER.address, "VoucherEscrow", "fund", { ...channel, totalDeposited: FUNDED, deadline: maxUint256 });
    const voucher = await signedVoucher(network, channel, PROMISED[name]);
    channels[name] = { channel, channelId: channelId(channel, addresses), voucher };
    if (name !== "open") await send(NEWCOMER.address, "VoucherEscrow", "claim", operatorId, voucher);
  }
  const { payer, operatorId, voucherKey } = channels.exiting.channel;
  await send(payer, "VoucherEscrow", "startExit", payer, operatorId, voucherKey);

  const issue = async (counter: bigint) => {
    const receipt = receiptOf(channels.open, counter, await now());
    return await signReceipt(network, 0, receipt);
  };
  const receipts = { anchored: await issue(1n), omitted: await issue(2n), unchallenged: await issue(3n) };
  const content = batchOf([receipts.anchored.receiptId, keccak256(stringToHex("another receipt"))]);
  const { root, count, dataHash } = content;
  await send(first.signer, "ReceiptLog", "anchor", "", first.id, count, root, "0x", dataHash);
  const batch = { number: 0, previousWord: 0n, root, count, dataHash };
  const contradictions = await contradict(network, channels.paid, await now());

  const { anchorSeconds } = (await read("ReceiptLog", "terms")) as { anchorSeconds: number };
  await elapse(anchorSeconds + 1);
  for (const name of ["anchored", "omitted"] as const) {
    await send(CHALLENGER.address, "ReceiptLog", "challengeOmission", receipts[name]);
  }
  return {
    channels,
    spare: { ...channels.open.channel, voucherKey: NEWCOMER.address },
    receipts,
    inclusion: inclusionOf(batch, content, 0),
    contradictions,
    freshReceipt: () => issue(4n),
  };
}

/** One voucher as a batch, by the voucher key. */
export async function signedVoucher(
  { addresses }: Deployed,
  { payer, operatorId, opening }: Channel,
  cumulativeAmount: bigint,
): Promise<Hex> {
  const voucher = { payer, operatorId, opening, cumulativeAmount };
  return packVouchers([{ voucher, signature: await VOUCHER_KEY.signTypedData(voucherTypedData(voucher, addresses)) }]);
}

/** By the payer. */
export async function signFunding({ addresses }: Deployed, funding: Funding): Promise<Hex> {
  return await PAYER.signTypedData(fundingTypedData(funding, addresses));
}

function receiptOf({ channel, channelId }: StagedChannel, counter: bigint, issuedAt: number): Receipt {
  return {
    operatorId: channel.operatorId,
    payer: channel.payer,
    channelId,
    sequence: sequenceOf(1, counter),
    model: "acme/mini",
    servedModel: "acme/mini",
    requestHash: keccak256(stringToHex(`request ${counter}`)),
    responseRoot: keccak256(stringToHex(`answer ${counter}`)),
    partCount: 1,
    inputUnits: 1n,
    outputUnits: 1n,
    price: parseOpg("1"),
    cumulativeOwed: parseOpg("1"),
    issuedAt,
  };
}

/** @param operator counted from zero */
async function signReceipt({ addresses }: Deployed, operator: number, receipt: Receipt): Promise<StagedReceipt> {
  return {
    receiptId: receiptId(receipt, addresses),
    receipt: onChainReceipt(receipt),
    signature: await signerOf(operator).signTypedData(receiptTypedData(receipt, addresses)),
  };
}

/** Each by the second operator's signer, as whoever steals it can. */
async function contradict(
  network: Deployed,
  channel: StagedChannel,
  issuedAt: number,
): Promise<Record<ShownBy, Contradiction>> {
  const signPart = async (part: Part): Promise<SignedPart> => ({
    part,
    signature: await signerOf(1).signTypedData(partTypedData(part, network.addresses)),
  });
  const issue = (counter: bigint) => receiptOf(channel, counter, issuedAt);
  const partOf = ({ operatorId, channelId, sequence }: Receipt, runningHash: Hex): Part => ({
    ...{ operatorId, channelId, sequence, issuedAt },
    ...{ index: 0, runningHash },
  });
  const shown = (receipt: Receipt, evidence: readonly unknown[]) => ({
    channelId: receipt.channelId,
    sequence: receipt.sequence,
    evidence,
  });

  const [twice, other, streamed] = [issue(1n), issue(2n), issue(3n)];
  return {
    showReceipts: shown(twice, [
      await signReceipt(network, 1, twice),
      await signReceipt(network, 1, { ...twice, responseRoot: zeroHash }),
    ]),
    showReceiptAndPart: shown(other, [
      await signReceipt(network, 1, other),
      await signPart(partOf(other, zeroHash)),
      [],
    ]),
    showParts: shown(streamed, [
      await signPart(partOf(streamed, streamed.responseRoot)),
      await signPart(partOf(streamed, zeroHash)),
      [],
    ]),
  };
}

const signerOf = (operator: number) => localTestAccount(FIRST_SIGNER + operator);
