import {
  type Abi,
  type AbiFunction,
  type AbiParameter,
  type Address,
  encodeFunctionData,
  type Hex,
  hexToBigInt,
  toFunctionSignature,
  zeroAddress,
} from "viem";
import { ADMIN_ROLE, GOVERNOR_ROLE, PAUSER_ROLE } from "../../../deploy/modules/Access.ts";
import { CONTRACT_NAMES, type ContractName, type Deployed, type Refusal } from "./deployed.ts";
import { PEOPLE } from "./stage.ts";
import type { PrivilegedRow } from "./trustModel.ts";

const ROLES = new Map([
  [ADMIN_ROLE, "ADMIN"],
  [GOVERNOR_ROLE, "GOVERNOR"],
  [PAUSER_ROLE, "PAUSER"],
]);
/** What somebody without a role is told. */
const UNAUTHORIZED = [
  "AccessManagedUnauthorized",
  "AccessManagerUnauthorizedAccount",
  "AccessManagerUnauthorizedCall",
  "AccessManagerUnauthorizedCancel",
];
const ANNOUNCED = "announced";
const NONE = "none";

type Target = { name: ContractName; fn: AbiFunction };

/** Every function that can change something, of every contract. One of several with the same name is called by its signature. */
export function changingFunctions({ abis }: Deployed): { id: string; name: ContractName; fn: AbiFunction }[] {
  return CONTRACT_NAMES.flatMap((name) => {
    const functions = abis[name].flatMap(asFunction);
    const isAlone = (fn: AbiFunction) => functions.filter((other) => other.name === fn.name).length === 1;
    return functions
      .filter(({ stateMutability }) => stateMutability !== "view" && stateMutability !== "pure")
      .map((fn) => ({ id: `${name}.${isAlone(fn) ? fn.name : toFunctionSignature(fn)}`, name, fn }));
  });
}

/** What a contract does with calls of no function counts as one too. */
function asFunction(item: Abi[number]): AbiFunction[] {
  if (item.type === "function") return [item];
  if (item.type !== "fallback" && item.type !== "receive") return [];
  return [{ type: "function", name: item.type, inputs: [], outputs: [], stateMutability: "payable" }];
}

/** Finds out, by calling everything as somebody without a role, what only a role may call: which, and how fast. */
export async function findPrivileges(network: Deployed): Promise<Map<string, PrivilegedRow>> {
  const found = new Map<string, PrivilegedRow>();
  const holders = await findHolders(network);
  for (const { id, name, fn } of changingFunctions(network)) {
    const special = SPECIAL[id];
    if (special) {
      found.set(id, await network.apart(() => special(network)));
      continue;
    }
    const data = encodeFunctionData({ abi: [fn], args: fn.inputs.map(zeroOf) });
    const refusal = await network.refusal(PEOPLE.newcomer, network.at(name), data);
    if (refusal === null || !UNAUTHORIZED.includes(refusal.name)) continue;
    found.set(id, await measure(network, holders, { name, fn }, data, refusal));
  }
  return found;
}

/** Members of each role, as the log of grants has them. */
export async function findHolders({ logs, read }: Deployed): Promise<Map<bigint, Address[]>> {
  const holders = new Map<bigint, Address[]>();
  for (const { topics } of await logs("AccessManager", "RoleGranted(uint64,address,uint32,uint48,bool)")) {
    const [, role = "0x0", account = "0x0"] = topics;
    const [id, member] = [hexToBigInt(role), `0x${account.slice(-40)}` as Address];
    const [isMember] = (await read("AccessManager", "hasRole", id, member)) as [boolean, number];
    const members = holders.get(id) ?? [];
    if (isMember && !members.includes(member)) holders.set(id, [...members, member]);
  }
  return holders;
}

async function measure(
  network: Deployed,
  holders: Map<bigint, Address[]>,
  { name, fn }: Target,
  data: Hex,
  refused: Refusal,
): Promise<PrivilegedRow> {
  const target = network.at(name);
  const asManager = await network.refusal(network.addresses.authority, target, data);
  if (name !== "AccessManager" && (asManager === null || !UNAUTHORIZED.includes(asManager.name))) {
    return { role: "AccessManager", delay: await delayOfAdmin(network, target, data) };
  }
  const role =
    refused.name === "AccessManagerUnauthorizedAccount"
      ? (refused.args[1] as bigint)
      : ((await network.read("AccessManager", "getTargetFunctionRole", target, data.slice(0, 10))) as bigint);
  const delays = new Set<string>();
  for (const holder of holders.get(role) ?? []) {
    const [, seconds] = (await network.read("AccessManager", "hasRole", role, holder)) as [boolean, number];
    const refusal = await network.refusal(holder, target, data);
    if (refusal?.name === "AccessManagerNotScheduled" && seconds === network.governanceDelaySeconds) {
      delays.add(ANNOUNCED);
    } else if (refusal !== null && UNAUTHORIZED.includes(refusal.name)) delays.add(`${refusal.name} for a holder`);
    else delays.add(seconds === 0 ? NONE : `${seconds} s`);
  }
  return { role: ROLES.get(role) ?? `role ${role}`, delay: [...delays].join(", ") || `nobody may call ${fn.name}` };
}

/** What only the manager may call, its admins make it call. */
async function delayOfAdmin(network: Deployed, target: Address, data: Hex): Promise<string> {
  const args = [PEOPLE.governor, target, data.slice(0, 10)];
  const [immediate, delay] = (await network.read("AccessManager", "canCall", ...args)) as [boolean, number];
  return !immediate && delay === network.governanceDelaySeconds ? ANNOUNCED : `${delay} s`;
}

/** The manager's functions that are about another call: what may be done depends on that call. */
const SPECIAL: Record<string, (network: Deployed) => Promise<PrivilegedRow>> = {
  "AccessManager.schedule": async (network) => {
    const { target, fee } = otherCalls(network);
    const data = network.encode("AccessManager", "schedule", [target, fee, 0n]);
    return await whoMay(network, data, [PEOPLE.governor], [PEOPLE.guardian, PEOPLE.newcomer]);
  },
  "AccessManager.execute": async (network) => {
    const { target, pause, fee } = otherCalls(network);
    const data = network.encode("AccessManager", "execute", [target, pause]);
    const row = await whoMay(network, data, [PEOPLE.guardian], [PEOPLE.governor, PEOPLE.newcomer]);
    const unannounced = network.encode("AccessManager", "execute", [target, fee]);
    const refusal = await network.refusal(PEOPLE.governor, network.at("AccessManager"), unannounced);
    return { ...row, delay: refusal?.name === "AccessManagerNotScheduled" ? row.role : NONE };
  },
  "AccessManager.cancel": async (network) => {
    const { target, fee, grant } = otherCalls(network);
    const { authority } = network.addresses;
    await network.send(PEOPLE.governor, "AccessManager", "schedule", target, fee, 0n);
    await network.send(PEOPLE.governor, "AccessManager", "schedule", authority, grant, 0n);
    const cancels = (of: Address, data: Hex) => network.encode("AccessManager", "cancel", [PEOPLE.governor, of, data]);
    const governors = await whoMay(
      network,
      cancels(target, fee),
      [PEOPLE.governor, PEOPLE.guardian],
      [PEOPLE.newcomer],
    );
    const admins = await whoMay(
      network,
      cancels(authority, grant),
      [PEOPLE.governor],
      [PEOPLE.guardian, PEOPLE.newcomer],
    );
    const asExpected = governors.role === AS_THE_CALL && admins.role === AS_THE_CALL;
    return { role: asExpected ? "PAUSER, ADMIN" : `${governors.role}; ${admins.role}`, delay: NONE };
  },
};

const AS_THE_CALL = "as the call";

function otherCalls(network: Deployed): { target: Address; pause: Hex; fee: Hex; grant: Hex } {
  return {
    target: network.at("JobEscrow"),
    pause: network.encode("JobEscrow", "setJobsPaused", [true]),
    fee: network.encode("JobEscrow", "setProtocolFee", [PEOPLE.newcomer, 0]),
    grant: network.encode("AccessManager", "grantRole", [GOVERNOR_ROLE, PEOPLE.newcomer, 0]),
  };
}

async function whoMay(network: Deployed, data: Hex, may: Address[], mayNot: Address[]): Promise<PrivilegedRow> {
  const wrong: string[] = [];
  for (const account of [...may, ...mayNot]) {
    const refusal = await network.refusal(account, network.at("AccessManager"), data);
    const refused = refusal !== null && UNAUTHORIZED.includes(refusal.name);
    if (refused === may.includes(account)) wrong.push(`${account}: ${refusal?.name ?? "may"}`);
  }
  return { role: wrong.length === 0 ? AS_THE_CALL : wrong.join(", "), delay: NONE };
}

/** A well-formed argument that means nothing. */
function zeroOf(parameter: AbiParameter): unknown {
  const { type } = parameter;
  if (type.endsWith("[]")) return [];
  if (type === "tuple" && "components" in parameter) {
    return Object.fromEntries(parameter.components.map((part) => [part.name, zeroOf(part)]));
  }
  if (type === "address") return zeroAddress;
  if (type === "bool") return false;
  if (type === "string") return "";
  if (type === "bytes") return "0x";
  if (type.startsWith("bytes")) return `0x${"00".repeat(Number(type.slice("bytes".length)))}`;
  return 0n;
}
