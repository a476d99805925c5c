import type { Hex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import {
  extendRunningHash,
  MAX_PARTS,
  type Part,
  partHash,
  partId,
  type Receipt,
  type ReceiptDomain,
  receiptId,
  type SignedPart,
  type SignedReceipt,
} from "../protocol/receipt.ts";
import type { CallTable, Reservation } from "../store/calls.ts";

/** What a receipt says that only the end of the call tells. */
export type Outcome = Pick<Receipt, "servedModel" | "inputUnits" | "outputUnits" | "price">;

export type CallTerms = Omit<Reservation, "incarnation" | "above"> &
  Pick<Receipt, "payer" | "model"> & {
    /** The client's, 32 bytes. */
    salt: Hex;
  };

/** One call under way. Its parts are signed in order, each once; then the receipt, which ends it. */
export type IssuedCall = {
  /** The call's sequence, once it is reserved. @throws as `begin` */
  reserved(): Promise<bigint>;
  /** Signs the answer's next part; it may leave once this has returned. */
  part(bytes: Hex | Uint8Array): Promise<SignedPart>;
  /** Counts the answer's next part without signing it: for one that isn't streamed, which leaves with the receipt. */
  whole(bytes: Hex | Uint8Array): Promise<void>;
  /**
   * Signs the receipt and keeps it; it may leave once this has returned. The second time, the same one.
   * @throws ProtocolError `call/over-cap`, `call/not-reserved`
   */
  end(outcome: Outcome): Promise<SignedReceipt>;
  /** Ends the call without a receipt. */
  abandon(): Promise<void>;
};

/** Signs a statement's digest as the operator's signer. */
export type SignStatement = (digest: Hex, statement: Receipt | Part) => Promise<Hex>;

export type IssuerOptions = {
  calls: CallTable;
  domain: ReceiptDomain;
  operatorId: number;
  /** Started for this life of the process, see `startIncarnation`. */
  incarnation: number;
  sign: SignStatement;
  /** Unix seconds. */
  now: () => number;
};

export type Issuer = {
  /**
   * Whether `begin` will most likely take the call; false where it isn't known. `begin` must follow, in the order of this.
   */
  foresee(terms: CallTerms): boolean;
  /**
   * Reserves the call's sequence: before anything of it is signed.
   * @throws ProtocolError `call/replayed`, `call/voucher-too-low`, `call/channel-too-small`
   */
  begin(terms: CallTerms): Promise<IssuedCall>;
};

/**
 * The only signer of receipts and parts. No order of crash, restore and resend makes it contradict itself: a sequence is
 * reserved in the store before anything of it is signed, belongs to one incarnation, and gets one receipt, which is in the
 * store before it leaves; a call that a crash cut off is never gone on with.
 */
export async function createIssuer(options: IssuerOptions): Promise<Issuer> {
  const { calls, incarnation } = options;
  await calls.abandonBefore(incarnation);
  /** By channel: a database that is restored or fails over while this process lives may have lost the last ones. */
  const highest = new Map<Hex, bigint>();
  return {
    foresee: (terms) => calls.foresee(terms),
    async begin(terms) {
      const sequence = await calls.reserve({ ...terms, incarnation, above: highest.get(terms.channelId) ?? 0n });
      if (sequence <= (highest.get(terms.channelId) ?? 0n)) {
        throw new ProtocolError("call/sequence-used", `sequence ${sequence} was taken already: try again`, {
          isRetryable: true,
        });
      }
      highest.set(terms.channelId, sequence);
      return openCall(options, terms, sequence);
    },
  };
}

function openCall(options: IssuerOptions, terms: CallTerms, sequence: bigint): IssuedCall {
  const { calls, domain, operatorId, sign, now } = options;
  const { channelId, payer, model, requestHash, salt } = terms;
  let runningHash = requestHash;
  let partCount = 0;
  let isOpen = true;
  let last: Promise<unknown> = Promise.resolve();

  /** One after another, in the order asked for. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work, work);
    last = turn;
    return turn;
  }

  /** @returns its index */
  function count(bytes: Hex | Uint8Array): number {
    if (!isOpen) throw new ProtocolError("call/ended", `sequence ${sequence} has ended: no part can follow`);
    if (partCount === MAX_PARTS) {
      throw new ProtocolError(
        "call/too-many-parts",
        `an answer has at most ${MAX_PARTS} parts: put more bytes into each`,
      );
    }
    runningHash = extendRunningHash(runningHash, partHash(salt, partCount, bytes));
    partCount += 1;
    return partCount - 1;
  }

  async function signPart(bytes: Hex | Uint8Array): Promise<SignedPart> {
    // Counted first: if signing fails, the index is used up, and the call can't go on with another part of that number.
    const index = count(bytes);
    const part: Part = { operatorId, channelId, sequence, index, runningHash, issuedAt: now() };
    return { part, signature: await sign(partId(part, domain), part) };
  }

  async function signReceipt(outcome: Outcome): Promise<SignedReceipt> {
    isOpen = false;
    return await calls.issue(channelId, sequence, outcome.price, async (cumulativeOwed) => {
      const receipt: Receipt = {
        ...{ operatorId, payer, channelId, sequence, model, requestHash, responseRoot: runningHash, partCount },
        ...outcome,
        ...{ cumulativeOwed, issuedAt: now() },
      };
      const id = receiptId(receipt, domain);
      return { receipt, signature: await sign(id, receipt), receiptId: id };
    });
  }

  return {
    reserved: async () => sequence,
    part: (bytes) => inTurn(() => signPart(bytes)),
    whole: (bytes) => inTurn(async () => void count(bytes)),
    end: (outcome) => inTurn(() => signReceipt(outcome)),
    abandon: () =>
      inTurn(async () => {
        isOpen = false;
        await calls.abandon(channelId, sequence);
      }),
  };
}
