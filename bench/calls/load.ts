/** What a number of requests took. */
export type Load = { requestsPerSecond: number; latenciesMs: number[] };

const BODY = {
  model: "local/bench",
  messages: [{ role: "user", content: "How long does this take?" }],
  max_tokens: 16,
};

/** One request, to the end of its answer. @returns milliseconds */
export async function askOnce(url: string): Promise<number> {
  const startedAt = performance.now();
  const response = await fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(BODY),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the answer was ${response.status}: ${text.slice(0, 300)}`);
  return performance.now() - startedAt;
}

/** So many requests, so many at a time. */
export async function load(url: string, requests: number, atATime: number): Promise<Load> {
  const latenciesMs: number[] = [];
  let left = requests;
  const startedAt = performance.now();
  const client = async () => {
    while (left-- > 0) latenciesMs.push(await askOnce(url));
  };
  await Promise.all(Array.from({ length: atATime }, client));
  return { requestsPerSecond: (1_000 * requests) / (performance.now() - startedAt), latenciesMs };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
