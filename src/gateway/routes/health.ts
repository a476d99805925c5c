import type { Hono } from "hono";
import type { Registry } from "prom-client";

/** Whether the process lives, whether it takes calls, and its figures. */
export function addHealthRoutes(app: Hono, isReady: () => boolean, metrics: Registry): void {
  app.get("/health", (context) => context.json({ status: "ok" }));
  app.get("/ready", (context) =>
    isReady() ? context.json({ status: "ready" }) : context.json({ status: "not ready" }, 503),
  );
  app.get("/metrics", async () => {
    return new Response(await metrics.metrics(), { headers: { "content-type": metrics.contentType } });
  });
}
