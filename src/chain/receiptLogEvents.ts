import type { GetLogsReturnType, Hex } from "viem";
import { getLogs } from "viem/actions";
import type { onChainReceipt } from "../protocol/receipt.ts";
import { receiptLogAbi } from "./abi/receiptLog.ts";
import { type BlockRange, type LogPlace, placeOf } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";
import { readLogs } from "./logRanges.ts";
import type { ReceiptsChain } from "./receiptLog.ts";

/** A batch's anchoring. */
export type BatchAnchored = {
  operatorId: number;
  root: Hex;
  count: number;
  dataHash: Hex;
  /** Unix seconds: its block's time. */
  anchoredAt: number;
  place: LogPlace;
};

/** Where an operator said its gateway answers; an empty `uri`: nowhere any more. */
export type GatewayAnnounced = { operatorId: number; uri: string; place: LogPlace };

/** What happened in the log beside anchorings. */
export type ReceiptLogEvent = { operatorId: number; place: LogPlace } /** OPG base units. */ & (
  | { kind: "joined" | "left"; amount: bigint }
  | { kind: "signerSynced"; signer: Hex }
  | { kind: "incarnationStarted"; incarnation: bigint; life: Hex }
  | { kind: "dataAt"; root: Hex; uri: string }
  | {
      kind: "challenged";
      receiptId: Hex;
      challenger: Hex;
      receipt: Omit<ReturnType<typeof onChainReceipt>, "model" | "servedModel">;
      signature: Hex;
    }
  | { kind: "answered"; receiptId: Hex; by: Hex }
  | { kind: "upheld"; receiptId: Hex }
  | { kind: "equivocationShown"; channelId: Hex; sequence: bigint }
);

const EVENT_NAMES = [
  "Joined",
  "Left",
  "SignerSynced",
  "IncarnationStarted",
  "BatchDataAt",
  "OmissionChallenged",
  "OmissionAnswered",
  "OmissionUpheld",
  "EquivocationShown",
] as const;
const EVENTS = receiptLogAbi.filter(
  (item): item is Extract<(typeof receiptLogAbi)[number], { type: "event"; name: (typeof EVENT_NAMES)[number] }> =>
    item.type === "event" && EVENT_NAMES.some((name) => name === item.name),
);

/** Batches anchored, oldest first, each with its block's time; of one operator only, when given. */
export async function batchesAnchored(
  chain: ReceiptsChain,
  { operatorId, ...wanted }: BlockRange & { operatorId?: number },
): Promise<BatchAnchored[]> {
  const { publicClient, addresses } = chain;
  const logs = await readLogs(chain, wanted, (range) =>
    publicClient.getContractEvents({
      address: addresses.receipts,
      abi: receiptLogAbi,
      eventName: "BatchAnchored",
      args: { ...(operatorId !== undefined && { operatorId }) },
      strict: true,
      ...range,
    }),
  );
  const times = new Map<Hex, number>();
  const batches: BatchAnchored[] = [];
  for (const log of logs) {
    const place = placeOf(log);
    const anchoredAt = times.get(place.blockHash) ?? (await timeOf(chain, place.blockHash));
    times.set(place.blockHash, anchoredAt);
    batches.push({ ...log.args, count: Number(log.args.count), anchoredAt, place });
  }
  return batches;
}

/** What operators said of their gateways, oldest first; of one operator only, when given. */
export async function gatewaysAnnounced(
  chain: ReceiptsChain,
  { operatorId, ...wanted }: BlockRange & { operatorId?: number },
): Promise<GatewayAnnounced[]> {
  const { publicClient, addresses } = chain;
  const logs = await readLogs(chain, wanted, (range) =>
    publicClient.getContractEvents({
      address: addresses.receipts,
      abi: receiptLogAbi,
      eventName: "GatewayAnnounced",
      args: { ...(operatorId !== undefined && { operatorId }) },
      strict: true,
      ...range,
    }),
  );
  return logs.map((log) => ({ ...log.args, place: placeOf(log) }));
}

/** What happened beside anchorings, oldest first; of one operator only, when given. */
export async function receiptLogEvents(
  chain: ReceiptsChain,
  { operatorId, ...wanted }: BlockRange & { operatorId?: number },
): Promise<ReceiptLogEvent[]> {
  const { publicClient, addresses } = chain;
  const logs = await readLogs(chain, wanted, (range) =>
    getLogs(publicClient, { address: addresses.receipts, events: EVENTS, strict: true, ...range }),
  );
  return logs.map(toReceiptLogEvent).filter((event) => operatorId === undefined || event.operatorId === operatorId);
}

async function timeOf({ publicClient }: ReceiptsChain, blockHash: Hex): Promise<number> {
  const block = await publicClient.getBlock({ blockHash }).catch(rethrow);
  return Number(block.timestamp);
}

type ReceiptLogLog = GetLogsReturnType<undefined, typeof EVENTS, true, bigint, bigint | "latest">[number];

function toReceiptLogEvent(log: ReceiptLogLog): ReceiptLogEvent {
  const place = placeOf(log);
  switch (log.eventName) {
    case "Joined":
      return { kind: "joined", place, ...log.args };
    case "Left":
      return { kind: "left", place, ...log.args };
    case "SignerSynced":
      return { kind: "signerSynced", place, ...log.args };
    case "IncarnationStarted":
      return { kind: "incarnationStarted", place, ...log.args };
    case "BatchDataAt":
      return { kind: "dataAt", place, ...log.args };
    case "OmissionChallenged":
      return { kind: "challenged", place, ...log.args };
    case "OmissionAnswered":
      return { kind: "answered", place, ...log.args };
    case "OmissionUpheld":
      return { kind: "upheld", place, ...log.args };
    case "EquivocationShown":
      return { kind: "equivocationShown", place, ...log.args };
  }
}
