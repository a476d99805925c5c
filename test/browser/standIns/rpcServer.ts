import type { RpcServer } from "../../support/rpcServer.ts";
import { rpcUrl } from "../page.ts";

/** The chain behind the page is served by its own process. */
export async function serveRpc(): Promise<RpcServer> {
  return { url: rpcUrl, stop: async () => {} };
}
