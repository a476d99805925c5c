import { artifacts } from "hardhat";
import type { Hex } from "viem";

/** What deploys a contract of `test/mocks/`; its constructor takes nothing. */
export async function mockBytecode(name: string): Promise<Hex> {
  const { bytecode } = await artifacts.readArtifact(name);
  return bytecode as Hex;
}
