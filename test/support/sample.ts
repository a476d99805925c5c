/**
 * So many of a list, other ones for each seed, in the list's order.
 * @param count all of them where it is undefined or at least as many
 */
export function sampleOf<T>(list: readonly T[], count: number | undefined, seed: number): T[] {
  const pool = list.map((_, index) => index);
  let state = seed;
  const chosen = Array.from({ length: Math.min(count ?? list.length, list.length) }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return pool.splice((state >>> 8) % pool.length, 1)[0] as number;
  });
  return chosen.toSorted((a, b) => a - b).map((index) => list[index] as T);
}
