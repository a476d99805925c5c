import type { Publish } from "./publish.ts";
import { sendData } from "./publishRequest.ts";
import { type AwsCredentials, signAwsRequest } from "./signAwsRequest.ts";

export type S3Options = {
  /** Of the API, without the bucket: `https://s3.eu-central-1.amazonaws.com`. */
  endpoint: string;
  bucket: string;
  /** `us-east-1` unless told, which most others than Amazon take. */
  region?: string;
  credentials: AwsCredentials;
  /** Before the object's name: `batches/`. */
  prefix?: string;
  /** Where anybody reads the bucket's objects, ending before their names; the endpoint's own address unless told. */
  publicUrl?: string;
  /** For each upload; 30,000 unless told. */
  timeoutMs?: number;
};

const TIMEOUT_MS = 30_000;

/** Puts each batch's data into a bucket of any S3-compatible API, as `<prefix><root>`, addressed by path. */
export function createS3Publisher(options: S3Options): Publish {
  const { endpoint, bucket, region = "us-east-1", credentials, prefix = "", timeoutMs = TIMEOUT_MS } = options;
  const base = `${withoutSlash(endpoint)}/${escapePath(bucket)}`;
  const publicBase = withoutSlash(options.publicUrl ?? base);
  return async ({ root, bytes }) => {
    const name = escapePath(`${prefix}${root}`);
    const url = new URL(`${base}/${name}`);
    const body = new Uint8Array(bytes);
    const headers = signAwsRequest({
      ...{ method: "PUT", url, body, region, service: "s3", credentials, at: new Date() },
      headers: { "content-type": "application/octet-stream" },
    });
    await sendData({ url: url.href, method: "PUT", headers, body, timeoutMs });
    return `${publicBase}/${name}`;
  };
}

/** As S3 signs it: all but unreserved characters and slashes escaped (RFC 3986, 2.3). */
function escapePath(path: string): string {
  const escaped = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return path
    .split("/")
    .map((part) => encodeURIComponent(part).replaceAll(/[!'()*]/g, escaped))
    .join("/");
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
