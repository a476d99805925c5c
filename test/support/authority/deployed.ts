import hre from "hardhat";
import type { ArtifactManager } from "hardhat/types/artifacts";
import {
  type Abi,
  type Address,
  BaseError,
  concatHex,
  decodeErrorResult,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  isHex,
  keccak256,
  numberToHex,
  stringToHex,
  toEventSelector,
} from "viem";
import { deployNetwork } from "../../../scripts/deployment/deployNetwork.ts";
import { parametersFileOf, readParameters } from "../../../scripts/deployment/parameters.ts";
import type { NetworkAddresses } from "../../../src/chain/addresses.ts";

const LOCAL = 31337;
const BASE = 8453;
/** Of calls. On a local chain they are over before anything that governance announces is due, so they are as on Base. */
const WINDOWS = ["exitSeconds", "anchorSeconds", "challengeSeconds", "answerSeconds", "evidenceSeconds"];
const GAS = numberToHex(15_000_000);
/** For gas: some callers are contracts, which have none. */
const ETHER = numberToHex(10n ** 20n);

/** Every contract of the network, and what its address is called. */
export const CONTRACTS = {
  OPG: "opg",
  AccessManager: "authority",
  JobEscrow: "escrow",
  OperatorStaking: "staking",
  CommitRevealVerifier: "verifier",
  VoucherEscrow: "vouchers",
  ReceiptLog: "receipts",
} as const satisfies Record<string, keyof NetworkAddresses>;

export type ContractName = keyof typeof CONTRACTS;
export const CONTRACT_NAMES = Object.keys(CONTRACTS) as ContractName[];

/** A contract as the compiler gave it. */
export type Compiled = { abi: Abi; bytecode: Hex };

/** Compiled contracts to deploy instead of the project's own. */
export type Replaced = Partial<Record<ContractName, Compiled>>;

/** What a call said when it was refused. */
export type Refusal = { name: string; args: readonly unknown[] };

export class Refused extends Error {
  readonly refusal: Refusal;
  constructor(call: string, refusal: Refusal) {
    super(`${call} was refused: ${refusal.name}(${refusal.args.map(String).join(", ")})`);
    this.refusal = refusal;
  }
}

export type Log = { address: Address; topics: Hex[]; data: Hex };

/** The network on a chain in memory, called by name. Whoever calls needs no key. */
export type Deployed = {
  addresses: NetworkAddresses;
  governanceDelaySeconds: number;
  abis: Record<ContractName, Abi>;
  at(name: ContractName): Address;
  encode(name: ContractName, call: string, args: readonly unknown[]): Hex;
  read(name: ContractName, view: string, ...args: unknown[]): Promise<unknown>;
  /** What a call would be refused with; null if it would go through. Changes nothing. */
  refusal(from: Address, to: Address, data: Hex): Promise<Refusal | null>;
  /** @throws Refused */
  send(from: Address, name: ContractName, call: string, ...args: unknown[]): Promise<void>;
  /** @throws Refused */
  sendData(from: Address, to: Address, data: Hex, label: string): Promise<void>;
  /** Deploys a contract of `test/mocks/`. */
  deployMock(name: string): Promise<Address>;
  /** A contract that answers every call with this word. */
  deployAnswering(word: Hex): Promise<Address>;
  logs(name: ContractName, event: string): Promise<Log[]>;
  now(): Promise<number>;
  elapse(seconds: number): Promise<void>;
  mine(blocks: number): Promise<void>;
  /** Does something and takes it back. */
  apart<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

export async function deployed(replaced: Replaced = {}): Promise<Deployed> {
  // A mutant is compiled without the optimizer, and larger than a chain allows.
  const connection = await hre.network.create({
    network: "default",
    override: { chainId: LOCAL, allowUnlimitedContractSize: true },
  });
  const rpc = async (method: string, ...params: unknown[]): Promise<unknown> =>
    await connection.provider.request({ method, params });
  const onBase = await readParameters(parametersFileOf(BASE));
  const windows = Object.fromEntries(WINDOWS.map((name) => [name, onBase[name]]));
  const parameters: Record<string, unknown> = { ...(await readParameters(parametersFileOf(LOCAL))), ...windows };
  const addresses = await deployNetwork({
    connection,
    artifacts: replacing(hre.artifacts, replaced),
    parameters,
    addressesFile: null,
  });
  const abis = Object.fromEntries(
    await Promise.all(
      CONTRACT_NAMES.map(async (name) => [name, replaced[name]?.abi ?? (await hre.artifacts.readArtifact(name)).abi]),
    ),
  ) as Record<ContractName, Abi>;
  const errors = CONTRACT_NAMES.flatMap((name) => abis[name].filter(({ type }) => type === "error"));

  const at = (name: ContractName) => addresses[CONTRACTS[name]];
  const encode = (name: ContractName, functionName: string, args: readonly unknown[]) =>
    encodeFunctionData({ abi: abis[name], functionName, args });

  const ethCall = async (from: Address | undefined, to: Address, data: Hex) =>
    (await rpc("eth_call", { ...(from && { from }), to, data, gas: GAS }, "pending")) as Hex;
  const refusal = async (from: Address, to: Address, data: Hex) => {
    try {
      await ethCall(from, to, data);
      return null;
    } catch (error) {
      return readRefusal(errors, error);
    }
  };
  const sendData = async (from: Address, to: Address, data: Hex, label: string) => {
    const refused = await refusal(from, to, data);
    if (refused) throw new Refused(label, refused);
    await rpc("hardhat_impersonateAccount", from);
    await rpc("hardhat_setBalance", from, ETHER);
    await rpc("eth_sendTransaction", { from, to, data, gas: GAS }); // throws when it reverts after all
  };
  const elapse = async (seconds: number) => {
    await rpc("evm_increaseTime", seconds);
    await rpc("evm_mine");
  };
  let answering = 0;

  return {
    addresses,
    governanceDelaySeconds: Number(parameters.governanceDelaySeconds),
    abis,
    at,
    encode,
    async read(name, functionName, ...args) {
      const data = await ethCall(undefined, at(name), encode(name, functionName, args));
      return decodeFunctionResult({ abi: abis[name], functionName, data });
    },
    refusal,
    async send(from, name, call, ...args) {
      await sendData(from, at(name), encode(name, call, args), `${name}.${call}`);
    },
    sendData,
    async deployMock(name) {
      const contract = await connection.ethers.deployContract(name);
      return (await contract.getAddress()) as Address;
    },
    async deployAnswering(word) {
      const address = `0x${keccak256(stringToHex(`answering ${answering++}`)).slice(-40)}` as Address;
      // PUSH32 word, PUSH1 0, MSTORE, PUSH1 64, PUSH1 0, RETURN
      await rpc("hardhat_setCode", address, concatHex(["0x7f", word, "0x60005260406000f3"]));
      return address;
    },
    async logs(name, event) {
      const filter = { fromBlock: "0x0", toBlock: "latest", address: at(name), topics: [toEventSelector(event)] };
      return (await rpc("eth_getLogs", filter)) as Log[];
    },
    async now() {
      const block = (await rpc("eth_getBlockByNumber", "latest", false)) as { timestamp: Hex };
      return Number(block.timestamp);
    },
    elapse,
    async mine(blocks) {
      await rpc("hardhat_mine", numberToHex(blocks));
    },
    async apart(work) {
      const snapshot = await rpc("evm_snapshot");
      try {
        return await work();
      } finally {
        await rpc("evm_revert", snapshot);
      }
    },
    close: () => connection.close(),
  };
}

/** The project's artifacts, some of them replaced. */
function replacing(artifacts: ArtifactManager, replaced: Replaced): ArtifactManager {
  const readArtifact = async (name: string) => ({
    ...(await artifacts.readArtifact(name)),
    ...replaced[name as ContractName],
  });
  return new Proxy(artifacts, {
    get: (target, property: keyof ArtifactManager) =>
      property === "readArtifact" ? readArtifact : (target[property] as () => unknown).bind(target),
  });
}

function readRefusal(errors: Abi, error: unknown): Refusal {
  const data = revertDataOf(error);
  if (data === undefined) throw error;
  if (data === "0x") return { name: "(no reason)", args: [] };
  try {
    const { errorName, args } = decodeErrorResult({ abi: errors, data });
    return { name: errorName, args: args ?? [] };
  } catch (unknown) {
    if (!(unknown instanceof BaseError)) throw unknown;
    return { name: data, args: [] };
  }
}

function revertDataOf(error: unknown): Hex | undefined {
  const { data } = error as { data?: unknown };
  const inner = typeof data === "object" && data !== null ? (data as { data?: unknown }).data : data;
  return isHex(inner) ? inner : undefined;
}
