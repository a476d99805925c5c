import type { Context, Hono } from "hono";
import { badRequest } from "../../protocol/apiError.ts";
import { CALL_HEADERS, receiptToHeader } from "../../protocol/callWire.ts";
import type { ReceiptDomain } from "../../protocol/receipt.ts";
import { ROUTES, type Route } from "../../protocol/route.ts";
import type { BodyReader } from "../bodyReader.ts";
import type { CallServer } from "../callServer.ts";

/** The routes that run a model. */
export function addCallRoutes(app: Hono, calls: CallServer, domain: ReceiptDomain, readBody: BodyReader): void {
  for (const route of ROUTES) app.post(route, (context) => call(context, route));

  async function call(context: Context, route: Route): Promise<Response> {
    const body = async () => parseJson(await readBody(context.req.raw));
    const header = (name: string) => context.req.header(name);
    const answer = await calls.serve({ route, body, header }, context.req.raw.signal);
    if (answer.kind === "stream") {
      const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" };
      return new Response(answer.body, { headers: { ...headers, "x-accel-buffering": "no" } });
    }
    const { bytes, receipt } = answer.answer;
    return new Response(bytes, {
      headers: {
        "content-type": "application/json",
        "cache-control": "no-store",
        [CALL_HEADERS.receipt]: receiptToHeader({ ...receipt, domain }),
      },
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("the body isn't JSON: send a JSON object", "invalid_json");
  }
}
