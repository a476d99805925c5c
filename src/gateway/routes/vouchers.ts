import type { Hono } from "hono";
import { CALL_HEADERS, readVoucherHeader } from "../../protocol/callWire.ts";
import type { Store } from "../../store/store.ts";
import { type AdmissionOptions, asRequest, channelOfVoucher } from "../admit.ts";

/** Takes vouchers without a call: a payer's for exactly what it owes, so that it can be claimed to the unit. */
export function addVoucherRoute(
  app: Hono,
  options: Omit<AdmissionOptions, "models">,
  { calls }: Pick<Store, "calls">,
): void {
  app.post("/v1/vouchers", async (context) => {
    const voucher = asRequest(() => readVoucherHeader(context.req.header(CALL_HEADERS.voucher), options.operatorId));
    const { channelId } = await channelOfVoucher(options, voucher);
    await calls.keepVoucher(channelId, voucher);
    return context.body(null, 204);
  });
}
