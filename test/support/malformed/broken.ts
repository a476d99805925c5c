import { GOOD_BODIES } from "./bodies.ts";
import type { Choices } from "./choices.ts";

/** Bytes for a socket, piece by piece; what is no HTTP, or ends before it should. */
export type RawRequest = {
  kind: string;
  pieces: readonly Buffer[];
  /** Between two pieces. */
  pauseMs: number;
  /** How the client leaves once all is sent: it waits for what is said, or closes its side, or tears the connection. */
  leaves: "waits" | "ends" | "tears";
};

const HOST = "Host: 127.0.0.1\r\n";

/** @param headers that would pay */
export function brokenHttp(choices: Choices, headers: Record<string, string>): RawRequest {
  const { pick, integer, bytes } = choices;
  const [route, good] = pick(GOOD_BODIES);
  const body = JSON.stringify(good);
  const paid = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const post = `POST ${route} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${paid.join("")}`;
  const text = (value: string) => Buffer.from(value, "latin1");
  const whole = (kind: string, value: string | Buffer): RawRequest => {
    return { kind, pieces: [typeof value === "string" ? text(value) : value], pauseMs: 0, leaves: "ends" };
  };
  const half = body.slice(0, integer(1, body.length - 1));
  const made = pick<() => RawRequest>([
    () => whole("no HTTP", bytes(integer(1, 300))),
    () =>
      whole(
        "no HTTP",
        pick([
          "\r\n\r\n",
          "GET\r\n\r\n",
          "\u0016\u0003\u0001",
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
          "GET / HTTP/9.9\r\n\r\n",
        ]),
      ),
    () =>
      whole(
        "an unknown method",
        `${pick(["FOO", "get", "POST\u0000", "CONNECT", "TRACE"])} ${route} HTTP/1.1\r\n${HOST}\r\n`,
      ),
    () =>
      whole(
        "a broken header",
        `${post}${pick(["no colon", "a\u0000: b", " folded: x", "x: \u0001", ": empty"])}\r\nContent-Length: 2\r\n\r\n{}`,
      ),
    () => whole("no host", `POST ${route} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}`),
    () =>
      whole(
        "a broken host",
        `GET /v1/nothing HTTP/1.1\r\nHost: ${pick(["a b", "[", "x/../y", "%00", "a:b:c", "é"])}\r\n\r\n`,
      ),
    () => whole("headers that are too large", `${post}x-large: ${"a".repeat(20_000)}\r\n\r\n`),
    () =>
      whole(
        "a broken length",
        `${post}Content-Length: ${pick(["-1", "x", "1e3", "99999999999999999999", "2, 3", ""])}\r\n\r\n${body}`,
      ),
    () => whole("two lengths", `${post}Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`),
    () =>
      whole(
        "a broken chunk",
        `${post}Transfer-Encoding: chunked\r\n\r\n${pick(["zz", "-1", "fffffffffffffffff", ""])}\r\n${body}\r\n0\r\n\r\n`,
      ),
    () =>
      whole(
        "a broken encoding",
        `${post}Transfer-Encoding: ${pick(["gzip", "chunked, identity", "x"])}\r\n\r\n${body}`,
      ),
    () =>
      whole("a broken target", `GET ${pick(["http://", "//[", "*", "nothing", "/\u0000"])} HTTP/1.1\r\n${HOST}\r\n`),
    () => ({
      ...whole("a body that ends early", `${post}Content-Length: ${body.length}\r\n\r\n${half}`),
      leaves: pick(["ends", "tears"]),
    }),
    () => ({
      ...whole(
        "chunks that end early",
        `${post}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${half}`,
      ),
      leaves: pick(["ends", "tears"]),
    }),
    () => ({
      kind: "a slow body",
      pieces: [`${post}Content-Length: ${body.length}\r\n\r\n`, ...half].slice(0, 12).map(text),
      ...{ pauseMs: integer(5, 40), leaves: "tears" },
    }),
    () => ({
      kind: "slow headers",
      pieces: [...post].slice(0, 15).map(text),
      pauseMs: integer(5, 30),
      leaves: "tears",
    }),
    () => whole("a length over the limit", `${post}Content-Length: 99999999999\r\n\r\n${half}`),
  ]);
  return made();
}
