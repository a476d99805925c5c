import type { Provider } from "../../../src/chain/clients.ts";
import { controlNetwork, type TestNetwork } from "../../support/networkControls.ts";
import { addresses, rpcUrl } from "../page.ts";

export type { TestNetwork } from "../../support/networkControls.ts";

/** An EIP-1193 provider over HTTP, as a wallet in a browser is one: errors carry the node's code and data. */
const provider: Provider = {
  async request({ method, params = [] }) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const response = await fetch(rpcUrl, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { result, error } = (await response.json()) as RpcAnswer;
    if (error !== undefined) throw Object.assign(new Error(error.message), error);
    return result;
  },
};

type RpcAnswer = { result?: unknown; error?: { code: number; message: string; data?: unknown } };

let freshChain: (() => Promise<void>) | undefined;

/** The chain behind the page, as it was when the network had just been deployed. */
export async function startTestNetwork(): Promise<TestNetwork> {
  const testNetwork = controlNetwork(provider, addresses);
  await freshChain?.();
  freshChain = await testNetwork.snapshot();
  return testNetwork;
}
