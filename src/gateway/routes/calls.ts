import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import type { Hex } from "viem";
import { CALL_HEADERS, receiptToHeader } from "../../protocol/callWire.ts";
import { readJsonBody } from "../../protocol/jsonBody.ts";
import type { ReceiptDomain } from "../../protocol/receipt.ts";
import { ROUTES, type Route } from "../../protocol/route.ts";
import type { BodyReader } from "../bodyReader.ts";
import type { CallServer } from "../callServer.ts";

/** The routes that run a model. */
export function addCallRoutes(app: Hono, calls: CallServer, domain: ReceiptDomain, readBody: BodyReader): void {
  for (const route of ROUTES) app.post(route, (context) => call(context, route));

  async function call(context: Context, route: Route): Promise<Response> {
    const header = (name: string) => context.req.header(name);
    const body = (channelId: Hex) =>
      readBody({ request: context.req.raw, incoming: incomingOf(context) }, channelId, (text) =>
        readJsonBody({ contentType: header("content-type"), text }),
      );
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

/** Node's own request, where there is one. */
const incomingOf = ({ env }: Context) => (env as Partial<HttpBindings> | undefined)?.incoming;
