import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";

export type TamperingProxyOptions = {
  /** The gateway whose answers are altered. */
  target: string;
  port: number;
  /** Called for every answer that left other than the gateway gave it. */
  onTampered: () => void;
};

/** In a stream, this and every second after it are the pieces of text altered: the first, and one after something true. */
const PIECES = [1, 3];
const CALL = "/v1/chat/completions";
/** The first letter of a text in an answer, whichever piece of it. */
const TEXT = /("content":")([^"\\])/;

/** Passes everything on and alters what a model said; receipts and the signatures of parts stay as they are. */
export async function startTamperingProxy({ target, port, onTampered }: TamperingProxyOptions): Promise<string> {
  let streams = 0;

  function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, headers, url = "/" } = incoming;
    const request = send(`${target}${url}`, { method, headers }, (answer) => {
      const isStream = (answer.headers["content-type"] ?? "").startsWith("text/event-stream");
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      if (url !== CALL || answer.statusCode !== 200) answer.pipe(outgoing);
      else answer.pipe(isStream ? inStream(PIECES[streams++ % PIECES.length] ?? 1) : inWhole()).pipe(outgoing);
    });
    request.on("error", () => outgoing.destroy());
    outgoing.on("close", () => request.destroy());
    incoming.pipe(request);
  }

  function alter(text: string): string {
    if (!TEXT.test(text)) return text;
    onTampered();
    // One letter for another: as many bytes as the header says.
    return text.replace(TEXT, (_, before: string, letter: string) => before + (letter === "N" ? "Y" : "N"));
  }

  const inWhole = () => {
    let text = "";
    return new Transform({
      transform(chunk: Buffer, _, done) {
        text += chunk.toString("latin1");
        done();
      },
      flush: (done) => done(null, Buffer.from(alter(text), "latin1")),
    });
  };

  /** @param piece which of the pieces of text is altered */
  const inStream = (piece: number) => {
    let rest = "";
    let pieces = 0;
    return new Transform({
      transform(chunk: Buffer, _, done) {
        const blocks = (rest + chunk.toString("latin1")).split("\n\n");
        rest = blocks.pop() ?? "";
        const passed = blocks.map((block) => {
          if (TEXT.test(block)) pieces += 1;
          else return block;
          return pieces === piece ? alter(block) : block;
        });
        done(null, Buffer.from(passed.map((block) => `${block}\n\n`).join(""), "latin1"));
      },
      flush: (done) => done(null, Buffer.from(rest, "latin1")),
    });
  };

  const server = createServer(pass);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
