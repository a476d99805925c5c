// node bareProxy.ts <upstream's base URL>: passes requests on and answers back, on the gateway's own HTTP library. What the
// gateway and the local end add is measured against two of these, one behind the other.
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const upstream = process.argv[2] ?? "";
const app = new Hono();
app.post("/v1/*", async (context) => {
  const { status, headers, body } = await fetch(upstream + context.req.path.slice("/v1".length), {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer none" },
    body: await context.req.text(),
  });
  return new Response(body, { status, headers: { "content-type": headers.get("content-type") ?? "" } });
});
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  console.log(JSON.stringify({ event: "started", url: `http://127.0.0.1:${port}/v1` }));
});
process.once("disconnect", () => process.exit());
