import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { encodeAbiParameters, type Hex, keccak256, numberToHex } from "viem";
import { deployNetwork } from "../../scripts/deployment/deployNetwork.ts";
import { parametersFileOf, readParameters } from "../../scripts/deployment/parameters.ts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";

/** Accounts of the in-memory chains, in Hardhat's order; the first deploys. */
export const DEPLOYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
export const GOVERNOR = "0x8626f6940E2eb28930eFb4CeF49B2d1F2C9C1199";
export const GUARDIAN = "0xdD2FD4581271e230360230F9337D5c0430Bf44C0";
export const RECIPIENT = "0xbDA5747bFD65F08deb54cb465eB87D40e51B197E";

/** What a person puts into the environment for a chain whose file leaves these open. */
export const ENVIRONMENT = {
  GOVERNOR_ADDRESS: GOVERNOR,
  GUARDIAN_ADDRESS: GUARDIAN,
  PROTOCOL_FEE_RECIPIENT: RECIPIENT,
};

/** A chain in memory that has this chain id. */
export async function chainWithId(chainId: number): Promise<NetworkConnection> {
  return await hre.network.create({ network: "default", override: { chainId } });
}

/** Puts OPG's code at an address, as if it had always been there, with its whole supply at the deployer. */
export async function putOpgAt(connection: NetworkConnection, address: string): Promise<void> {
  const opg = await connection.ethers.deployContract("OPG", [DEPLOYER]);
  const code = await connection.provider.request({
    method: "eth_getCode",
    params: [await opg.getAddress(), "latest"],
  });
  const supply = await opg.getFunction("totalSupply")();
  // OpenZeppelin's ERC20: balances in slot 0, the supply in slot 2.
  const balance = keccak256(encodeAbiParameters([{ type: "address" }, { type: "uint256" }], [DEPLOYER, 0n]));
  const slots: [Hex, Hex][] = [
    [balance, numberToHex(supply, { size: 32 })],
    [numberToHex(2), numberToHex(supply, { size: 32 })],
  ];
  await connection.provider.request({ method: "hardhat_setCode", params: [address, code] });
  for (const [slot, value] of slots) {
    await connection.provider.request({ method: "hardhat_setStorageAt", params: [address, slot, value] });
  }
}

/** A chain of this id with the network on it, as its own parameter file says. */
export async function deployedOn(
  chainId: number,
  changes: Record<string, unknown> = {},
): Promise<{ connection: NetworkConnection; addresses: NetworkAddresses; parameters: Record<string, unknown> }> {
  const connection = await chainWithId(chainId);
  const read = await readParameters(parametersFileOf(chainId), ENVIRONMENT);
  const parameters = { ...read, ...changes };
  if (typeof parameters.opgAddress === "string") await putOpgAt(connection, parameters.opgAddress);
  const addresses = await deployNetwork({ connection, artifacts: hre.artifacts, parameters, addressesFile: null });
  return { connection, addresses, parameters };
}
