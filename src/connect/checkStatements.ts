import type { Hex } from "viem";
import { CLOCK_MARGIN_SECONDS } from "../chain/receiptLog.ts";
import { type Check, requireAllOk } from "../protocol/check.ts";
import { checkPart, type PartExpectation } from "../protocol/checkPart.ts";
import { checkReceipt, type ReceiptExpectation } from "../protocol/checkReceipt.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { oneLine } from "../protocol/oneLine.ts";
import type { Quote } from "../protocol/quote.ts";
import { type ReceiptDomain, receiptId } from "../protocol/receipt.ts";
import type { PortablePart, PortableReceipt } from "../protocol/receiptJson.ts";
import type { PaidCall, PaidCallTable } from "../store/paidCalls.ts";
import type { Signers } from "./signers.ts";
import type { Step } from "./steps.ts";

export type StatementCheckOptions = {
  paid: PaidCallTable;
  signers: Signers;
  domain: ReceiptDomain;
  payer: Hex;
  allowOtherServedModel: boolean;
  /** What an operator lists for a model by now; undefined: nothing. @param isLate whether the last look will do */
  quoteNow: (operatorId: number, model: string, isLate: boolean) => Promise<Quote | undefined>;
  /** The chain's, unix seconds. */
  now: () => number;
  step: Step;
};

/** A call whose end isn't known yet. */
export type OpenCall = Pick<
  PaidCall,
  "requestHash" | "channelId" | "operatorId" | "model" | "cap" | "owedBefore" | "chainSentAt" | "quote"
> & {
  /** No other call of its channel was under way when it was sent. */
  isAlone?: boolean;
};

/** What of a part only its stream tells. */
export type PartPlace = Pick<PartExpectation, "sequence" | "salt" | "place" | "bytes">;

/** What operators sign is looked at here, and nowhere else, before anything of it is believed. */
export type StatementChecks = {
  /** @throws ProtocolError `part/…` */
  part(call: OpenCall, portable: PortablePart, place: PartPlace): Promise<void>;
  /**
   * Checks a call's receipt and takes it: from then on it is in the store, and owed for.
   * @param isLate the receipt was asked for long after the call: it may be as old as that
   * @returns the receiptId
   * @throws ProtocolError `receipt/…`; `connect/other-model-served`, though the receipt was taken
   */
  receipt(
    call: OpenCall,
    portable: PortableReceipt,
    known: Pick<ReceiptExpectation, "response" | "sequence"> & { isLate?: boolean },
  ): Promise<Hex>;
};

export function createStatementChecks(options: StatementCheckOptions): StatementChecks {
  const { paid, signers, domain, payer, allowOtherServedModel, quoteNow, now, step } = options;
  const clock = () => ({ now: now(), clockToleranceSeconds: CLOCK_MARGIN_SECONDS });

  /** By the signer of the statement's time; read from the chain anew where what is known of it isn't who signed. */
  async function bySigner<T extends Check>(
    operatorId: number,
    issuedAt: number,
    check: (signer: Hex) => Promise<T[]>,
  ): Promise<T[]> {
    const checks = await check(await signers.at(operatorId, issuedAt));
    if (checks.every(({ name, ok }) => name !== "signature" || ok)) return checks;
    return await check(await signers.readAt(operatorId, issuedAt));
  }

  return {
    async part({ operatorId, channelId }, portable, place) {
      const checks = await bySigner(operatorId, portable.part.issuedAt, (signer) =>
        checkPart(portable, { ...place, domain, signer, operatorId, channelId, clock: clock() }),
      );
      requireAllOk("part", checks);
    },
    async receipt(call, portable, { isLate = false, ...known }) {
      const { requestHash, channelId, operatorId, model, cap, owedBefore, quote, chainSentAt = 0, isAlone } = call;
      /** At most so much was owed by other calls, by now, on top of what was when it was sent. */
      const inFlight = async () => {
        const { owed, uncertain } = await paid.account(channelId);
        return owed + uncertain - cap - owedBefore;
      };
      const expected = {
        ...{ domain, operatorId, payer, channelId, model, requestHash, maxPrice: cap, previousOwed: owedBefore },
        // Told truly it is no lie: the call is owed for, whether its answer will do or not.
        allowOtherServedModel: true,
        ...(quote && { quote }),
        ...known,
        clock: { ...clock(), ...(isLate && { since: chainSentAt }) },
      };
      const check = async (changed: { inFlight: bigint; quote?: Quote }) => {
        const checks = await bySigner(operatorId, portable.receipt.issuedAt, (signer) =>
          checkReceipt(portable, { ...expected, ...changed, signer }),
        );
        return { checks, failed: checks.find(({ ok }) => !ok)?.name };
      };
      // A call that was alone when it was sent mostly still is.
      let others = isAlone ? 0n : await inFlight();
      let checked = await check({ inFlight: others });
      if (isAlone && checked.failed === "cumulative-owed") {
        others = await inFlight();
        checked = await check({ inFlight: others });
      }
      // Raised since the operators were listed, it is no more than was promised, and what the operator asks of everybody.
      const raised = checked.failed === "price-above-quote" ? await quoteNow(operatorId, model, isLate) : undefined;
      if (raised !== undefined) checked = await check({ inFlight: others, quote: raised });
      requireAllOk("receipt", checked.checks);
      await step("receiptChecked");
      const id = receiptId(portable.receipt, domain);
      await paid.accept(requestHash, id, { receipt: portable.receipt, signature: portable.signature });
      await step("receiptStored");
      if (!allowOtherServedModel && !isLate) checkServed(model, portable.receipt.servedModel);
      return id;
    },
  };
}

function checkServed(model: string, servedModel: string): void {
  if (servedModel === model) return;
  throw new ProtocolError(
    "connect/other-model-served",
    `asked for ${oneLine(model)}, the receipt says ${oneLine(servedModel)} was served: ask for that one, or allow others`,
  );
}

/** Checks that come after the signature's: what fails one of them, the operator's key has signed. */
const LIES = new Set([
  ...["receipt/operator", "receipt/channel", "receipt/sequence", "receipt/model", "receipt/served-model"],
  ...["receipt/request", "receipt/response", "receipt/price", "receipt/cumulative-owed"],
  ...["part/operator", "part/channel", "part/sequence", "part/index", "part/running-hash"],
]);

/**
 * Whether an error says that the operator lied, by what its key has signed. What nobody has signed is a failure: something
 * on the way may have changed it, and of the time, clocks tell.
 */
export function isLie(error: unknown): error is ProtocolError {
  return error instanceof ProtocolError && LIES.has(error.code);
}
