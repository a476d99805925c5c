import type { RequestListener } from "node:http";
import { readRequest } from "./FakeObjectStore.ts";

export const FAKE_CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

/** A fake of the HTTP API of an IPFS node: takes one file by `add`, and answers a line of progress before the line that counts. */
export function createFakeIpfsNode(): { files: Buffer[]; listener: RequestListener } {
  const files: Buffer[] = [];
  return {
    files,
    listener(request, response) {
      void readRequest(request).then(async ({ method, path, headers, body }) => {
        if (method !== "POST" || !path.startsWith("/api/v0/add?")) return response.writeHead(404).end();
        const type = headers["content-type"] ?? "";
        const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
        const file = form.get("file") as File;
        files.push(Buffer.from(await file.arrayBuffer()));
        const lines = [
          { Name: file.name, Bytes: file.size },
          { Name: file.name, Hash: FAKE_CID, Size: `${file.size}` },
        ];
        return response.writeHead(200).end(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      });
    },
  };
}
