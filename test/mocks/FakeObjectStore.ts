import { createHash } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";

/** What was asked of the fake server. */
export type ObservedRequest = { method: string; path: string; headers: IncomingMessage["headers"]; body: Buffer };

/**
 * A fake of an S3-compatible API's `PUT`: keeps objects by path, and refuses what isn't signed for exactly these bytes in the
 * form of Signature Version 4. The signature itself it takes on trust.
 */
export function createFakeObjectStore(accessKeyId: string): {
  objects: Map<string, Buffer>;
  listener: RequestListener;
} {
  const objects = new Map<string, Buffer>();
  const form = new RegExp(
    `^AWS4-HMAC-SHA256 Credential=${accessKeyId}/\\d{8}/[a-z0-9-]+/s3/aws4_request,SignedHeaders=[a-z0-9;-]*host;[a-z0-9;-]*,Signature=[0-9a-f]{64}$`,
  );
  return {
    objects,
    listener(request, response) {
      void readRequest(request).then(({ method, path, headers, body }) => {
        const isWhole = headers["x-amz-content-sha256"] === createHash("sha256").update(body).digest("hex");
        const isSigned = form.test(headers.authorization ?? "") && isWhole;
        if (method !== "PUT" || !isSigned) return response.writeHead(403).end("<Code>SignatureDoesNotMatch</Code>");
        objects.set(path, body);
        return response.writeHead(200).end();
      });
    },
  };
}

export async function readRequest(request: IncomingMessage): Promise<ObservedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = "", url = "", headers } = request;
  return { method, path: url, headers, body: Buffer.concat(chunks) };
}
