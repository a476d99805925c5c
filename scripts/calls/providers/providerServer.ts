import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** What goes wrong, until it is set to `undefined` again. Half-way is after half of a stream's events. */
export type Fault =
  | "rateLimited"
  | "serverError"
  | "badRequest"
  | "refused"
  | "redirects"
  /** Takes the request and never answers. */
  | "silent"
  /** No JSON; in a stream half-way. */
  | "garbage"
  /** Ends without an end: a stream half-way, other answers in the middle of their bytes. */
  | "stopsHalfWay"
  /** The same, and the connection is torn. */
  | "dropsHalfWay"
  /** Says nothing more half-way, and keeps the connection. */
  | "stallsHalfWay"
  /** An error event half-way. */
  | "errorHalfWay"
  /** More than anybody wants. */
  | "endless";

export type Request = { path: string; body: Record<string, unknown>; headers: IncomingMessage["headers"] };
/** An event is a block of an event stream, with its blank line. */
export type Answer = { json: unknown } | { events: string[] };

/** How a provider speaks. */
export type Speech = {
  /** Its API's path, as in `/v1`. */
  basePath: string;
  /** @returns undefined for what it doesn't serve */
  answer(request: Request): Answer | undefined;
  errorBody(status: number, message: string): unknown;
  errorEvent: string;
};

/** A FAKE provider on loopback. What it is told to do, and what it saw. */
export type FakeProvider = {
  readonly baseUrl: string;
  fault: Fault | undefined;
  /** Before an answer begins. */
  delayMs: number;
  /** Between two events of a stream. */
  eventDelayMs: number;
  /** What it says it serves, whatever was asked for. */
  servedModel: string | undefined;
  /** Requests that came. */
  requests: number;
  /** Of these, how many the other side gave up before the answer was out. */
  aborted: number;
  last: Request | undefined;
  close(): Promise<void>;
};

export const RETRY_AFTER_SECONDS = 7;
export const REFUSAL = "Incorrect key provided: sk-secret-0123456789";
export const COMPLAINT = "the value of top_k is\nout of range";

const STATUSES: Partial<Record<Fault, [number, string, Record<string, string>?]>> = {
  rateLimited: [429, "slow down", { "retry-after": String(RETRY_AFTER_SECONDS) }],
  serverError: [500, "it broke"],
  badRequest: [400, COMPLAINT],
  refused: [401, REFUSAL],
  redirects: [307, "over there", { location: "http://127.0.0.1:9/elsewhere" }],
};

/** Starts a fake with the speech that `speak` makes for it. */
export async function startProvider(speak: (fake: FakeProvider) => Speech): Promise<FakeProvider> {
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const state = {
    fault: undefined,
    delayMs: 0,
    eventDelayMs: 0,
    servedModel: undefined,
    requests: 0,
    aborted: 0,
    last: undefined,
  };
  const fake: FakeProvider = { ...state, baseUrl: "", close: () => closeServer(server) };
  const speech = speak(fake);
  Object.assign(fake, { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${speech.basePath}` });

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("close", () => {
      if (!response.writableFinished && !isOwnDoing(fake.fault)) fake.aborted++;
    });
    const request = await readRequest(incoming, speech.basePath);
    fake.requests++;
    fake.last = request;
    if (fake.delayMs > 0) await wait(fake.delayMs);
    await respond(request, response);
  }

  async function respond(request: Request, response: ServerResponse): Promise<void> {
    if (fake.fault === "silent") return;
    const wrong = fake.fault && STATUSES[fake.fault];
    if (wrong) return sendJson(response, wrong[0], speech.errorBody(wrong[0], wrong[1]), wrong[2]);
    if (fake.fault === "endless") return sendEndlessly(response);
    const answer = speech.answer(request);
    if (answer === undefined) return sendJson(response, 404, speech.errorBody(404, "no such thing"));
    if ("json" in answer) return sendWhole(response, JSON.stringify(answer.json), fake.fault);
    await sendEvents(response, answer.events, fake, speech.errorEvent);
  }

  return fake;
}

export const dataEvent = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
export const namedEvent = (event: string, data: unknown): string =>
  `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

function isOwnDoing(fault: Fault | undefined): boolean {
  return fault === "dropsHalfWay" || fault === "stopsHalfWay";
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

function sendWhole(response: ServerResponse, text: string, fault: Fault | undefined): void {
  const half = text.slice(0, text.length / 2);
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  if (fault === "garbage") response.end("?".repeat(Buffer.byteLength(text)));
  else if (fault === "stallsHalfWay") response.write(half);
  else if (fault === "stopsHalfWay" || fault === "dropsHalfWay") response.write(half, () => response.destroy());
  else response.end(text);
}

async function sendEvents(
  response: ServerResponse,
  events: string[],
  { fault, eventDelayMs }: FakeProvider,
  errorEvent: string,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const half = Math.ceil(events.length / 2);
  for (const [i, event] of events.entries()) {
    if (i === half && fault === "stallsHalfWay") return;
    if (i === half && fault === "stopsHalfWay") return void response.end();
    if (i === half && fault === "dropsHalfWay") return void response.destroy();
    if (i === half && fault === "garbage") response.write("data: {this is no JSON\n\n");
    if (i === half && fault === "errorHalfWay") return void response.end(errorEvent);
    if (i > 0 && eventDelayMs > 0) await wait(eventDelayMs);
    if (response.destroyed) return;
    await new Promise<void>((resolve) => response.write(event, () => resolve()));
  }
  response.end();
}

async function sendEndlessly(response: ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024, " ");
  response.writeHead(200, { "content-type": "application/json" });
  while (!response.destroyed) await new Promise<void>((resolve) => response.write(chunk, () => resolve()));
}

async function readRequest(incoming: IncomingMessage, basePath: string): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const path = (incoming.url ?? "").slice(basePath.length);
  return { path, body: JSON.parse(Buffer.concat(chunks).toString("utf8")), headers: incoming.headers };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeAllConnections();
  });
}
