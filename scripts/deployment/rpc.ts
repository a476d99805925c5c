/** As much of an EIP-1193 provider as deploying needs; a Hardhat connection's `provider` is one. */
export type Rpc = {
  request(call: { method: string; params?: unknown[] }): Promise<unknown>;
};

export async function chainIdOf(rpc: Rpc): Promise<number> {
  return Number(await rpc.request({ method: "eth_chainId" }));
}

export async function hasCode(rpc: Rpc, address: string): Promise<boolean> {
  return (await rpc.request({ method: "eth_getCode", params: [address, "latest"] })) !== "0x";
}
