import { createHash, createHmac } from "node:crypto";

export type AwsCredentials = {
  accessKeyId: string;
  secretAccessKey: string;
  /** Of temporary credentials. */
  sessionToken?: string;
};

export type AwsRequest = {
  method: string;
  url: URL;
  /** Beside those that signing adds. */
  headers?: Record<string, string>;
  body: Uint8Array;
  region: string;
  service: string;
  credentials: AwsCredentials;
  at: Date;
};

const ALGORITHM = "AWS4-HMAC-SHA256";
const SIGNED_BY_CLIENT = "host";

/**
 * The headers of a request signed with AWS Signature Version 4, the authorization among them. `host` is signed, and left
 * out: whoever sends sets it. The URL's path has to be escaped already, and has no query.
 */
export function signAwsRequest({ method, url, headers = {}, body, region, service, credentials, at }: AwsRequest) {
  const time = at.toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const all: Record<string, string> = {
    ...headers,
    "x-amz-content-sha256": sha256(body),
    "x-amz-date": time,
    ...(sessionToken !== undefined && { "x-amz-security-token": sessionToken }),
  };
  const signed = Object.entries({ ...all, [SIGNED_BY_CLIENT]: url.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replaceAll(/ +/g, " ")] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(";");
  const lines = signed.map(([name, value]) => `${name}:${value}\n`).join("");
  const canonical = [method, url.pathname, "", lines, names, all["x-amz-content-sha256"]].join("\n");
  const toSign = [ALGORITHM, time, scope, sha256(canonical)].join("\n");
  const key = [...scope.split("/")].reduce<string | Buffer>((last, part) => hmac(last, part), `AWS4${secretAccessKey}`);
  const signature = hmac(key, toSign).toString("hex");
  const authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope},SignedHeaders=${names},Signature=${signature}`;
  return { ...all, authorization };
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
