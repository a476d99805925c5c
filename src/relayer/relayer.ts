import type { TransactionReceipt } from "viem";
import type { SigningChain } from "../chain/clients.ts";
import type { ContractCall } from "../chain/contractCall.ts";
import { sendCall } from "../chain/sendCall.ts";

/** The only way a node sends: every transaction has a purpose, and a purpose is sent for at most once at a time. */
export type Relayer = {
  /**
   * Sends the call, or joins the send under way or done for the same purpose; a failed one can be tried again.
   * @param purpose what the transaction is for, unique for this operator: `commit 0x…`
   * @returns the txReceipt, always of success
   * @throws ProtocolError as `sendCall`
   */
  submit(purpose: string, call: ContractCall): Promise<TransactionReceipt>;
};

/** A relayer that keeps its purposes in memory. */
export function createRelayer(chain: SigningChain): Relayer {
  const sends = new Map<string, Promise<TransactionReceipt>>();

  async function send(purpose: string, call: ContractCall): Promise<TransactionReceipt> {
    try {
      return await sendCall(chain, call);
    } catch (error) {
      sends.delete(purpose);
      throw error;
    }
  }

  return {
    submit(purpose, call) {
      const underWay = sends.get(purpose);
      if (underWay) return underWay;
      const started = send(purpose, call);
      sends.set(purpose, started);
      return started;
    },
  };
}
