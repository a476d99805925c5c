import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ApiError } from "../protocol/apiError.ts";
import type { AdmittedCall } from "./admit.ts";

/** A gateway's figures, for Prometheus. */
export type Metrics = {
  registry: Registry;
  /** A call that had a reservation has ended. */
  onEnd(call: AdmittedCall, error: ApiError | undefined, seconds: number): void;
  /** A request was refused before. */
  onRefused(code: string): void;
  onAnchored(receipts: number): void;
};

/** @param underWay calls now */
export function createMetrics(underWay: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const calls = new Counter({
    ...{ name: "opg_calls_total", help: "Calls that ended, by route, model and outcome", registers },
    labelNames: ["route", "model", "outcome"],
  });
  const seconds = new Histogram({
    ...{ name: "opg_call_seconds", help: "From the reservation to the end of a call", registers },
    labelNames: ["route"],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
  });
  const refused = new Counter({
    ...{ name: "opg_requests_refused_total", help: "Requests refused before a reservation, by code", registers },
    labelNames: ["code"],
  });
  const anchored = new Counter({
    name: "opg_receipts_anchored_total",
    help: "Receipts in anchored batches",
    registers,
  });
  new Gauge({
    ...{ name: "opg_calls_under_way", help: "Calls under way", registers },
    collect() {
      this.set(underWay());
    },
  });
  return {
    registry,
    onEnd({ route, model }, error, duration) {
      calls.inc({ route, model: model.name, outcome: error?.code ?? "ok" });
      seconds.observe({ route }, duration);
    },
    onRefused: (code) => refused.inc({ code }),
    onAnchored: (receipts) => anchored.inc(receipts),
  };
}
