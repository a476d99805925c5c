import type { UpstreamRequest, UpstreamSettings } from "../upstream.ts";
import { toApiError } from "./libraryErrors.ts";
import { checkArrived, checkTaken, type Takes } from "./takes.ts";
import { createWire, type Wire } from "./wire.ts";

type JsonObject = Record<string, unknown>;

export type WireUse = {
  settings: UpstreamSettings;
  request: UpstreamRequest;
  takes: Takes;
  finishBody?(body: JsonObject): JsonObject;
};

/** A wire for a request, all of which the provider takes. @throws ApiError 400 `unsupported_parameter` */
export function openWire(
  { settings, request, takes, finishBody = (body) => body }: WireUse,
  { isStream }: { isStream: boolean },
): Wire {
  checkTaken(request.body, takes);
  return createWire({
    settings,
    isStream,
    signal: request.signal,
    finishBody(body) {
      const finished = finishBody(body);
      checkArrived(request.body, takes, finished);
      return finished;
    },
  });
}

/** Does one thing that isn't streamed over a wire of its own. @throws ApiError */
export async function onWire<T>(use: WireUse, work: (wire: Wire) => Promise<T>): Promise<T> {
  const wire = openWire(use, { isStream: false });
  try {
    return await work(wire);
  } catch (error) {
    throw toApiError(error);
  } finally {
    wire.close();
  }
}
