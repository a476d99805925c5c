import { createRandom } from "../../../scripts/training/random.ts";

/** Seeded choices: the same seed makes the same ones. */
export type Choices = {
  integer(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
  bytes(count: number): Buffer;
  hex(byteCount: number): `0x${string}`;
};

export function createChoices(seed: number): Choices {
  const { integer } = createRandom(seed);
  const bytes = (count: number) => Buffer.from(Array.from({ length: count }, () => integer(0, 255)));
  return {
    integer,
    pick: (list) => list[integer(0, list.length - 1)] as (typeof list)[number],
    bytes,
    hex: (byteCount) => `0x${bytes(byteCount).toString("hex")}`,
  };
}
