import { join } from "node:path";
import type { Hex } from "viem";
import type { NodeLine } from "../../src/cli/runNode.ts";
import { type OpgProcess, startOpgProcess } from "../calls/opgProcess.ts";
import { ROOT } from "./chainProcess.ts";

/** An operator's node in a process of its own. */
export type NodeProcess = OpgProcess<Extract<NodeLine, { event: "started" }>>;

export type NodeProcessOptions = {
  rpcUrl: string;
  addressesFile: string;
  dataDir: string;
  signerKey: Hex;
  /** Every n-th answer is wrong; none unless told. */
  liesEvery?: number;
  onLine: (line: NodeLine) => void;
};

const LYING_NODE = join(ROOT, "scripts/demo/lyingNode.ts");

/** Starts a node and waits until it has begun its work. @throws with what it said last */
export async function startNodeProcess({ signerKey, onLine, ...options }: NodeProcessOptions): Promise<NodeProcess> {
  return await startOpgProcess({
    ...commandOf(options),
    env: { OPG_SIGNER_PRIVATE_KEY: signerKey },
    onLine: (line) => onLine(line as NodeLine),
  });
}

function commandOf({ rpcUrl, addressesFile, dataDir, liesEvery }: Omit<NodeProcessOptions, "signerKey" | "onLine">) {
  if (liesEvery !== undefined) {
    return { script: LYING_NODE, args: [rpcUrl, addressesFile, dataDir, String(liesEvery)] };
  }
  const network = ["--rpc", rpcUrl, "--addresses", addressesFile];
  return { args: ["node", ...network, "--data", dataDir, "--serve", "all", "--allow-private-uris", "--json"] };
}
