import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Malformed, MalformedRequest } from "../malformedRequests.ts";
import type { RawRequest } from "./broken.ts";

/** What came back: of bytes that are no HTTP there may be nothing. */
export type Reply = { status: number | undefined; headers: IncomingHttpHeaders; body: string };

const WAIT_MS = 10_000;
/** Nothing is said to who tears the connection. */
const RAW_WAIT_MS = 2_000;

export function send(url: string, malformed: Malformed, agent: Agent): Promise<Reply> {
  if ("pieces" in malformed) return sendRaw(url, malformed);
  // A connection that was kept may be closed by the time it is used again, as after a body over the limit.
  return sendWhole(url, malformed, agent).catch(() => sendWhole(url, malformed, new Agent()));
}

/** @throws when nothing is answered in time */
async function sendWhole(
  url: string,
  { method, path, headers, body, isChunked = false }: MalformedRequest,
  agent: Agent,
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const length = body === undefined || isChunked ? {} : { "content-length": body.length };
  const { hostname, port } = new URL(url);
  const options = { hostname, port, method, path, agent, headers: { ...headers, ...length }, timeout: WAIT_MS };
  const outgoing = httpRequest(options, (incoming) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("error", reject);
    incoming.on("end", () =>
      resolve({ status: incoming.statusCode, headers: incoming.headers, body: Buffer.concat(chunks).toString() }),
    );
  });
  outgoing.on("error", reject);
  outgoing.on("timeout", () => outgoing.destroy(new Error(`nothing was answered in ${WAIT_MS} ms`)));
  if (isChunked) {
    for (let at = 0; at < (body?.length ?? 0); at += 16_384) outgoing.write(body?.subarray(at, at + 16_384));
    outgoing.end();
  } else outgoing.end(body);
  return await promise;
}

async function sendRaw(url: string, { pieces, pauseMs, leaves }: RawRequest): Promise<Reply> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let said = "";
  socket.on("data", (chunk) => {
    said += chunk.toString("latin1");
  });
  socket.on("error", () => {}); // it may be closed while there is more to send
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  for (const piece of pieces) {
    socket.write(piece);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  if (leaves === "ends") socket.end();
  if (leaves === "tears") {
    await sleep(1); // so that it has left
    socket.destroy();
  }
  const waiting = setTimeout(() => socket.destroy(), RAW_WAIT_MS);
  await closed;
  clearTimeout(waiting);
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(said) ?? [];
  return { status: status === undefined ? undefined : Number(status), headers: {}, body: said };
}
