import type { Upstream, UpstreamChunk, UpstreamRequest } from "../../src/gateway/upstream.ts";
import { ApiError } from "../../src/protocol/apiError.ts";

/** Chunks that leave before the cut. */
const CUT_AFTER = 3;

type Run = NonNullable<Upstream["stream"]["/v1/chat/completions"]>;

/** An adapter that breaks off every second stream in the middle, but none of what it is asked a second time. */
export function cutStreams(honest: Upstream, onCut: () => void): Upstream {
  const asked = new Set<string>();

  function isToCut({ body }: UpstreamRequest): boolean {
    const question = JSON.stringify(body);
    if (asked.has(question)) return false;
    asked.add(question);
    return asked.size % 2 === 1;
  }

  async function* cut(run: Run, request: UpstreamRequest): AsyncGenerator<UpstreamChunk> {
    const wanted = isToCut(request) ? CUT_AFTER : Number.POSITIVE_INFINITY;
    let chunks = 0;
    for await (const chunk of run(request)) {
      if (chunks === wanted) {
        onCut();
        throw new ApiError("the upstream broke off", { status: 502, type: "upstream_error", code: "upstream_failed" });
      }
      yield chunk;
      chunks += 1;
    }
  }

  const stream = Object.entries(honest.stream).map(([route, run]) => [
    route,
    (request: UpstreamRequest) => cut(run, request),
  ]);
  return { ...honest, stream: Object.fromEntries(stream) };
}
