import type { Hex } from "viem";

/** What deploys a contract of `test/mocks/`; its constructor takes nothing. */
export async function mockBytecode(name: string): Promise<Hex> {
  const response = await fetch(`/artifacts/test/mocks/${name}.sol/${name}.json`);
  const { bytecode } = (await response.json()) as { bytecode: Hex };
  return bytecode;
}
