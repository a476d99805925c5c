import type { Address, Hex } from "viem";
import { type Check, type Clock, checkDomain, checkSame, checkThat, checkTime } from "./check.ts";
import { extendRunningHash, MAX_PARTS, partHash, partId, type ReceiptDomain, type SignedPart } from "./receipt.ts";
import { checkSignature } from "./signature.ts";

/** Where a stream stands: before the part `nextIndex`, after all earlier ones. */
export type StreamPlace = { nextIndex: number; runningHash: Hex };

/** What a client knows of the next part of a stream. */
export type PartExpectation = {
  domain: ReceiptDomain;
  /** The operator's at the part's time. */
  signer: Address;
  operatorId: number;
  channelId: Hex;
  /** Of the first part, once it has come. */
  sequence?: bigint;
  /** The client's. */
  salt: Hex;
  /** After the parts before. */
  place: StreamPlace;
  /** The part's own bytes, as they came. */
  bytes: Hex | Uint8Array;
  clock?: Clock;
};

/** In this order. */
export type PartCheckName =
  | "domain"
  | "signature"
  | "operator"
  | "channel"
  | "sequence"
  | "index"
  | "running-hash"
  | "time";

/** Before the first part. */
export function startOfStream(requestHash: Hex): StreamPlace {
  return { nextIndex: 0, runningHash: requestHash };
}

/** After one more part. At the end, `{ responseRoot: runningHash, partCount: nextIndex }` is what the receipt must say. */
export function afterPart({ nextIndex, runningHash }: StreamPlace, salt: Hex, bytes: Hex | Uint8Array): StreamPlace {
  return {
    nextIndex: nextIndex + 1,
    runningHash: extendRunningHash(runningHash, partHash(salt, nextIndex, bytes)),
  };
}

/**
 * Looks at everything a client can know about the next part of a stream, before the part is handed on. `sequence` and `time`
 * are looked at only if what they should be is told, the domain only if the part says one, as those from `parsePart` do.
 * Never throws for what the part holds.
 *
 * @returns One check for each, in fixed order.
 */
export async function checkPart(
  signed: SignedPart & { domain?: ReceiptDomain },
  expected: PartExpectation,
): Promise<Check<PartCheckName>[]> {
  const { part, signature } = signed;
  const { runningHash } = afterPart(expected.place, expected.salt, expected.bytes);
  const contractOf = ({ chainId, receipts }: ReceiptDomain) => ({ chainId, contract: receipts });
  return [
    ...checkDomain(signed.domain && contractOf(signed.domain), contractOf(expected.domain)),
    await checkThat("signature", `signed by ${expected.signer}`, async () =>
      checkSignature(partId(part, expected.domain), signature, expected.signer, "part"),
    ),
    checkSame("operator", part.operatorId, expected.operatorId),
    checkSame("channel", part.channelId, expected.channelId),
    ...(expected.sequence === undefined ? [] : [checkSame("sequence", part.sequence, expected.sequence)]),
    checkIndex(part.index, expected.place),
    checkSame("running-hash", part.runningHash, runningHash),
    ...(expected.clock ? [checkTime(part.issuedAt, expected.clock)] : []),
  ];
}

function checkIndex(index: number, { nextIndex }: StreamPlace): Check<"index"> {
  if (index < MAX_PARTS) return checkSame("index", index, nextIndex);
  return { name: "index", ok: false, detail: `it is ${index}, an answer has at most ${MAX_PARTS} parts` };
}
