import type { Hex, TransactionReceipt } from "viem";
import type { Chain } from "../chain/clients.ts";
import { encodeDeliver } from "../chain/escrow.ts";
import { sendCall } from "../chain/sendCall.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { jobHistory } from "./jobHistory.ts";

/**
 * Calls a job's consumer again whose callback failed, with the result from the log. Anyone may, until the job's key is
 * used again.
 * @throws ProtocolError `sdk/unknown-job`, `sdk/nothing-to-deliver`, `contract/CallbackFailed` when it fails again
 */
export async function retryDelivery(chain: Chain, jobId: Hex): Promise<TransactionReceipt> {
  const { opened, ended, status } = await jobHistory(chain, jobId);
  if (status !== "undelivered" || ended?.status !== "settled") {
    throw new ProtocolError(
      "sdk/nothing-to-deliver",
      `job ${opened.jobId} is ${status}, only an undelivered one can be delivered again: leave it as it is`,
    );
  }
  return sendCall(chain, encodeDeliver(chain.addresses, opened.job, ended.result));
}
