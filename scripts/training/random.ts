export type Random = {
  /** Uniform in [0, 1), 32 bits of it. */
  next(): number;
  /** Uniform integer in [low, high], both included. */
  integer(low: number, high: number): number;
  /** Reorders the array in place. */
  shuffle(items: Uint32Array): void;
};

/**
 * A seeded xorshift generator of 128 bits (Marsaglia, "Xorshift RNGs", 2003). Integer arithmetic only, so a seed gives
 * the same numbers on every machine. For training, never for secrets.
 */
export function createRandom(seed: number): Random {
  let [x, y, z, w] = [seed | 0, 362436069, 521288629, 88675123];
  const next = (): number => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next(); // neighbouring seeds start alike

  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const shuffle = (items: Uint32Array): void => {
    for (let i = items.length - 1; i > 0; i--) {
      const j = integer(0, i);
      [items[i], items[j]] = [items[j] as number, items[i] as number];
    }
  };
  return { next, integer, shuffle };
}
