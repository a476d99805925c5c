import type { Hex } from "viem";
import { ledgerBalanceOf } from "../chain/escrow.ts";
import { refundJob } from "../sdk/claims.ts";
import { findJob } from "../sdk/jobHistory.ts";
import { retryDelivery } from "../sdk/retryDelivery.ts";
import { type Answer, lines, opg } from "./output.ts";
import type { Session } from "./session.ts";

/** `opg job refund`: gives an expired job's fee back to its payer. */
export async function refund(session: Session, jobId: Hex): Promise<Answer> {
  const chain = await session.signingChain();
  const { job } = await findJob(chain, jobId);
  const { transactionHash } = await refundJob(chain, job);
  const balance = await ledgerBalanceOf(chain, job.payer);
  return {
    json: { jobId, refunded: job.fee, payer: job.payer, balance, transactionHash },
    text: lines([
      ["refunded", opg(job.fee)],
      ["payer", job.payer],
      ["its escrow balance", opg(balance)],
      ["transaction", transactionHash],
    ]),
  };
}

/** `opg job retry`: calls a consumer again whose callback failed. */
export async function retry(session: Session, jobId: Hex): Promise<Answer> {
  const { transactionHash } = await retryDelivery(await session.signingChain(), jobId);
  return { json: { jobId, status: "settled", transactionHash }, text: `delivered in ${transactionHash}` };
}
