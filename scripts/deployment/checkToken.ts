import {
  concatHex,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeFunctionData,
  erc20Abi,
  type Hex,
  hexToBigInt,
  keccak256,
  numberToHex,
  size,
  slice,
} from "viem";

import { ProtocolError } from "../../src/protocol/errors.ts";
import type { Rpc } from "./rpc.ts";

/** What the contracts count on: 18 decimals, a supply below 2^96 base units, no fee on transfers. */
const DECIMALS = 18;
const SUPPLY_LIMIT = 2n ** 96n;

/** Accounts nobody has used, for the simulated transfer. */
const SENDER: Hex = "0x00000000000000000000000000000000005e4de7";
const RECEIVER: Hex = "0x00000000000000000000000000000000004ece1e";
const PROBE_AMOUNT = 1_000_000_007n;

/** Where tokens keep balances: the mapping's slot in plain contracts, and OpenZeppelin's ERC-7201 one in upgradeable ones. */
const BALANCE_SLOTS: bigint[] = [
  ...Array.from({ length: 12 }, (_, slot) => BigInt(slot)),
  0x52c63247e1f47db19d5ce0460030c497f067ca4cebf71ba98eeadabe20bace00n,
];

export type TokenCheck = {
  /** Base units. */
  totalSupply: bigint;
  /** False: this node or this token doesn't let a transfer be simulated. */
  transferTested: boolean;
};

/**
 * Refuses a token the contracts are not made for.
 *
 * @throws ProtocolError `deploy/not-a-token`, `deploy/token-decimals`, `deploy/token-supply`, `deploy/token-takes-fee`
 */
export async function checkToken(rpc: Rpc, token: Hex): Promise<TokenCheck> {
  const code = await rpc.request({ method: "eth_getCode", params: [token, "latest"] });
  if (code === "0x") {
    throw notAToken(token, "there is no code at this address on this chain");
  }
  const decimals = await read(rpc, token, "decimals");
  if (decimals !== BigInt(DECIMALS)) {
    throw new ProtocolError(
      "deploy/token-decimals",
      `${token} has ${decimals} decimals where ${DECIMALS} are needed: give OPG's address as opgAddress`,
    );
  }
  const totalSupply = await read(rpc, token, "totalSupply");
  if (totalSupply === 0n || totalSupply >= SUPPLY_LIMIT) {
    throw new ProtocolError(
      "deploy/token-supply",
      `${token} has a supply of ${totalSupply} base units, allowed are 1 to 2^96 - 1: give OPG's address as opgAddress`,
    );
  }
  return { totalSupply, transferTested: await checkTransfer(rpc, token) };
}

function notAToken(token: Hex, reason: string, cause?: unknown): ProtocolError {
  return new ProtocolError(
    "deploy/not-a-token",
    `${token} is no ERC-20 token (${reason}): give OPG's address on this chain as opgAddress`,
    { cause },
  );
}

async function read(rpc: Rpc, token: Hex, functionName: "decimals" | "totalSupply"): Promise<bigint> {
  const data = encodeFunctionData({ abi: erc20Abi, functionName });
  try {
    const answer = await rpc.request({ method: "eth_call", params: [{ to: token, data }, "latest"] });
    return BigInt(decodeFunctionResult({ abi: erc20Abi, functionName, data: answer as Hex }));
  } catch (cause) {
    throw notAToken(token, `it doesn't answer ${functionName}()`, cause);
  }
}

/* A TRANSFER, SIMULATED */

/** @returns false where it can't be simulated; the contracts then check each deposit by themselves */
async function checkTransfer(rpc: Rpc, token: Hex): Promise<boolean> {
  const slot = await findBalanceSlot(rpc, token);
  if (slot === undefined) return false;
  const outcome = await simulateTransfer(rpc, token, slot);
  if (outcome === undefined || !outcome.succeeded) return false;
  if (outcome.received === PROBE_AMOUNT) return true;
  throw new ProtocolError(
    "deploy/token-takes-fee",
    `${token} takes a fee on transfers (${outcome.received} of ${PROBE_AMOUNT} arrived): give OPG's address as opgAddress`,
  );
}

/** The storage slot of SENDER's balance, found by setting candidates in a simulation. */
async function findBalanceSlot(rpc: Rpc, token: Hex): Promise<Hex | undefined> {
  const data = encodeFunctionData({ abi: erc20Abi, functionName: "balanceOf", args: [SENDER] });
  for (const mapping of BALANCE_SLOTS) {
    const slot = keccak256(encodeAbiParameters([{ type: "address" }, { type: "uint256" }], [SENDER, mapping]));
    const answer = await simulate(rpc, { to: token, data }, balanceOverride(token, slot));
    if (answer !== undefined && size(answer) === 32 && hexToBigInt(answer) === PROBE_AMOUNT) return slot;
  }
  return undefined;
}

async function simulateTransfer(
  rpc: Rpc,
  token: Hex,
  slot: Hex,
): Promise<{ succeeded: boolean; received: bigint } | undefined> {
  const data = concatHex([
    encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args: [RECEIVER, PROBE_AMOUNT] }),
    encodeFunctionData({ abi: erc20Abi, functionName: "balanceOf", args: [RECEIVER] }),
  ]);
  const overrides = { ...balanceOverride(token, slot), [SENDER]: { code: probeCode(token) } };
  const answer = await simulate(rpc, { to: SENDER, data }, overrides);
  if (answer === undefined || size(answer) !== 64) return undefined;
  return { succeeded: hexToBigInt(slice(answer, 0, 32)) === 1n, received: hexToBigInt(slice(answer, 32)) };
}

function balanceOverride(token: Hex, slot: Hex): Record<Hex, object> {
  return { [token]: { stateDiff: { [slot]: numberToHex(PROBE_AMOUNT, { size: 32 }) } } };
}

async function simulate(rpc: Rpc, call: { to: Hex; data: Hex }, overrides: object): Promise<Hex | undefined> {
  try {
    return (await rpc.request({ method: "eth_call", params: [call, "latest", overrides] })) as Hex;
  } catch {
    // Not every node takes overrides, and not every token's storage can be guessed.
    return undefined;
  }
}

/** SENDER's code in the simulation: sends its calldata's two calls to the token, returns (success, balance). */
function probeCode(token: Hex): Hex {
  return concatHex([
    "0x365f5f37", // calldatacopy(0, 0, calldatasize)
    "0x5f5f60445f5f73", // call with the first 0x44 bytes: transfer(address,uint256)
    token,
    "0x5af1608052", // mstore(0x80, success)
    "0x602060a06024604473", // staticcall with the next 0x24 bytes, answer to 0xa0: balanceOf(address)
    token,
    "0x5afa5060406080f3", // return(0x80, 0x40)
  ]);
}
