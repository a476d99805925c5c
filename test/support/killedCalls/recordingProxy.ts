import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CALL_HEADERS, readComment, receiptFromHeader } from "../../../src/protocol/callWire.ts";
import type { Statement } from "../calls.ts";

/** Stands before a gateway at one address through all of its lives, and writes down what it lets out of its hands. */
export type RecordingProxy = {
  url: string;
  /** Receipts and parts whose last byte has left the gateway. */
  left: Statement[];
  /** Passes on to a gateway; without one, it refuses connections as a machine does on which nothing listens. */
  turnTo(url: string | undefined): Promise<void>;
};

export async function startRecordingProxy(): Promise<RecordingProxy> {
  const left: Statement[] = [];
  let target: string | undefined;
  const server = createServer((incoming, outgoing) => pass(incoming, outgoing));
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  await shut();

  function shut(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, headers, url = "/" } = incoming;
    const onward = request(new URL(url, target), { method, headers, agent: false }, (answer) => {
      record(answer, left);
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("error", () => outgoing.destroy());
      answer.on("aborted", () => outgoing.destroy());
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("error", () => onward.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.on("error", () => onward.destroy());
    incoming.pipe(onward);
  }

  return {
    url: `http://127.0.0.1:${port}`,
    left,
    async turnTo(url) {
      if (url === undefined) await shut();
      else if (!server.listening) await listen(port);
      target = url;
    },
  };
}

function record(answer: IncomingMessage, left: Statement[]): void {
  const header = answer.headers[CALL_HEADERS.receipt];
  if (typeof header === "string") left.push(receiptFromHeader(header));
  if (!(answer.headers["content-type"] ?? "").startsWith("text/event-stream")) return;
  let text = "";
  answer.on("data", (chunk: Buffer) => {
    const blocks = (text + chunk.toString("latin1")).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const comment = readComment(block);
      if (comment !== undefined) left.push("part" in comment ? comment.part : comment.receipt);
    }
  });
}
