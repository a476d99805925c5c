import type { Context, Hono } from "hono";
import { type Hex, isHex, size } from "viem";
import { ApiError, badRequest } from "../../protocol/apiError.ts";
import type { ReceiptDomain } from "../../protocol/receipt.ts";
import { receiptToJson } from "../../protocol/receiptJson.ts";
import type { Store } from "../../store/store.ts";

/** What a gateway shows of its receipts; an id is a receiptId or a requestHash, which only the two sides of a call know. */
export function addReceiptRoutes(app: Hono, store: Pick<Store, "calls" | "batches">, domain: ReceiptDomain): void {
  const issued = async (context: Context) => {
    const id = readHash(context, "id");
    const found = await store.batches.receipt(id);
    if (found === undefined) throw await whyNone(store, id);
    return found;
  };

  app.get("/v1/receipts/:id", async (context) => {
    const { signed, inclusion } = await issued(context);
    return context.json(receiptToJson({ ...signed, domain, ...(inclusion && { inclusion }) }));
  });

  app.get("/v1/receipts/:id/proof", async (context) => {
    const { signed, inclusion } = await issued(context);
    if (inclusion !== undefined) return context.json(receiptToJson({ ...signed, domain, inclusion }));
    throw notYet("the receipt isn't anchored yet: ask again later", "not_anchored_yet");
  });

  app.get("/v1/batches/:root", async (context) => {
    const data = await store.batches.data(readHash(context, "root"));
    if (data === undefined) throw unknown("there is no batch of this root here", "unknown_batch");
    return new Response(new Uint8Array(data), { headers: { "content-type": "application/octet-stream" } });
  });
}

async function whyNone({ calls }: Pick<Store, "calls">, id: Hex): Promise<ApiError> {
  const call = await calls.find(id);
  if (call === undefined) return unknown("there is no call of this receipt or request here", "unknown_receipt");
  if (call.stage === "reserved") return notYet("the call is under way: ask again later", "call_in_progress");
  return new ApiError("the call was given up: it has no receipt and will never be charged", {
    ...{ status: 410, type: "not_found_error", code: "call_abandoned" },
  });
}

const unknown = (message: string, code: string) =>
  new ApiError(message, { status: 404, type: "not_found_error", code });

const notYet = (message: string, code: string) =>
  new ApiError(message, { status: 409, type: "invalid_request_error", code, retryAfterSeconds: 1 });

function readHash(context: Context, name: string): Hex {
  const value = context.req.param(name) ?? "";
  if (isHex(value) && value.length === 66 && size(value) === 32) return value.toLowerCase() as Hex;
  throw badRequest(`${name} isn't 0x and 64 hex digits`, "invalid_value", name);
}
