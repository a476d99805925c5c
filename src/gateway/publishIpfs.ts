import { ProtocolError } from "../protocol/errors.ts";
import type { Publish } from "./publish.ts";
import { sendData } from "./publishRequest.ts";

export type IpfsOptions = {
  /** Of the node's HTTP API: `http://127.0.0.1:5001`. */
  apiUrl: string;
  /** Sent with each request, for a node that asks for it. */
  authorization?: string;
  /** For each upload; 30,000 unless told. */
  timeoutMs?: number;
};

const TIMEOUT_MS = 30_000;
/** A content identifier in base 58 or base 32. */
const CID = /^[a-zA-Z0-9]{40,120}$/;

/** Adds and pins each batch's data by the HTTP API of an IPFS node; its URI is `ipfs://<cid>`. */
export function createIpfsPublisher({ apiUrl, authorization, timeoutMs = TIMEOUT_MS }: IpfsOptions): Publish {
  const url = new URL("/api/v0/add?pin=true&cid-version=1&quieter=true", apiUrl).href;
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  return async ({ root, bytes }) => {
    const body = new FormData();
    body.append("file", new Blob([new Uint8Array(bytes)], { type: "application/octet-stream" }), root);
    return `ipfs://${cidOf(await sendData({ url, method: "POST", headers, body, timeoutMs }))}`;
  };
}

/** Of the last line that names one. @throws ProtocolError `publish/no-cid` */
function cidOf(answer: string): string {
  const hashes = answer.split("\n").map(hashOf);
  const cid = hashes.findLast((hash) => hash !== undefined && CID.test(hash));
  if (cid !== undefined) return cid;
  throw new ProtocolError("publish/no-cid", "the IPFS node's answer names no CID: see that the address is its API's");
}

function hashOf(line: string): string | undefined {
  try {
    const { Hash } = JSON.parse(line) as { Hash?: unknown };
    return typeof Hash === "string" ? Hash : undefined;
  } catch {
    return undefined;
  }
}
