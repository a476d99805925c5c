import { Agent, request } from "undici";

export type Sending = { headers: Record<string, string>; body: string; signal: AbortSignal };

/** An answer's head; its bytes come as fast as they are asked for, and no faster. */
export type Sent = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: AsyncIterable<Uint8Array>;
};

/** POSTs to an upstream, and follows it nowhere. What is aborted is ended, wherever it is. */
export type Send = (url: string, sending: Sending) => Promise<Sent>;

/** How long is waited is the caller's to say. */
const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

/** Over HTTP, in half of the time that `fetch` takes for it. */
export const sendHttp: Send = async (url, { headers, body, signal }) => {
  const answer = await request(url, {
    ...{ method: "POST", dispatcher: agent, body, signal },
    // Nothing unpacks it.
    headers: { ...headers, "accept-encoding": "identity" },
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.body };
};
