/** Random numbers from a seed: the same seed, the same numbers, on every machine. */

/** A number from 0 up to, but without, `limit`. */
export type Draw = (limit: number) => number;

/** Mulberry32: small, and the same everywhere. */
export function seeded(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

export function pick<T>(draw: Draw, list: readonly T[]): T {
  const one = list[draw(list.length)];
  if (one === undefined) throw new TypeError("there is nothing to pick from");
  return one;
}

/** A stream of its own for each name: what one client draws does not depend on how often the others do. */
export function streamOf(seed: number, name: string): Draw {
  // FNV-1a
  const hash = [...Buffer.from(name)].reduce((state, byte) => Math.imul(state ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
  return seeded(seed ^ hash);
}

/** A whole number from `from` to `to`, both included. */
export function between(draw: Draw, from: number, to: number): number {
  return from + draw(to - from + 1);
}
