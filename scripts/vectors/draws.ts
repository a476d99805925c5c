import { type Address, bytesToBigInt, getAddress, type Hex, keccak256, numberToHex, stringToBytes } from "viem";

/** One source of test values; each takes an edge (zero, greatest) one time in four. */
export type Draw = {
  uint(bits: number): bigint;
  /** 0 to `limit`, both included. */
  below(limit: bigint): bigint;
  bytes32(): Hex;
  address(): Address;
};

export type Draws = {
  /** `count` cases: the first all zeros, the second all greatest, the rest drawn. */
  cases<Case>(count: number, make: (draw: Draw) => Case): Case[];
};

/** Draws that are the same every time: keccak256 of the seed and a counter. */
export function drawsFrom(seed: string): Draws {
  let counter = 0;
  const word = () => bytesToBigInt(keccak256(stringToBytes(`${seed} ${counter++}`), "bytes"));
  const random = (limit: bigint) => {
    const edge = word() % 8n;
    if (edge === 0n) return 0n;
    return edge === 1n ? limit : word() % (limit + 1n);
  };
  return {
    cases: (count, make) =>
      Array.from({ length: count }, (_, index) => {
        if (index === 0) return make(drawOf(() => 0n));
        return make(drawOf(index === 1 ? (limit) => limit : random));
      }),
  };
}

function drawOf(below: (limit: bigint) => bigint): Draw {
  const uint = (bits: number) => below((1n << BigInt(bits)) - 1n);
  return {
    uint,
    below,
    bytes32: () => numberToHex(uint(256), { size: 32 }),
    address: () => getAddress(numberToHex(uint(160), { size: 20 })),
  };
}
