import { homedir } from "node:os";
import { join } from "node:path";
import { type Chain, genesisHashOf } from "../chain/clients.ts";
import type { Environment } from "./terminal.ts";

/** Where a part of this program keeps its state unless told, by the XDG base directory specification. */
export function dataFolder(env: Environment, part: string): string {
  return join(env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "opengradient", part);
}

/** One for each chain: a local one that was started anew is another. */
export async function dataFolderOn(env: Environment, part: string, chain: Chain): Promise<string> {
  return join(dataFolder(env, part), `${chain.chainId}-${(await genesisHashOf(chain)).slice(2, 10)}`);
}
