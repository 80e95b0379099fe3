// Seeded random draws for tests, apart from the library's own generator, which they may be judging.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) >>> 0;
    this.bits();
  }

  /** 32 random bits (mulberry32). */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + (this.bits() % (most - least + 1));
  }

  of<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)];
  }

  /** True once in `n` draws. */
  once(n: number): boolean {
    return this.between(1, n) === 1;
  }
}

/** Kinds of data: each provokes another kind of rounding. Sums of products stay finite. */
export const FLAVOURS = ['dense', 'sparse', 'coarse', 'wide', 'tiny', 'ties', 'tinyTies'] as const;
export type Flavour = (typeof FLAVOURS)[number];

const SIGNED_ZERO = [0, -0] as const;

/**
 * `length` finite floats. Coarse ones make exact ties between floats, and products of tiny ones are subnormal or
 * vanish. Among ties, (1 + k/2^23)(1 - k/2^23) = 1 - k^2/2^46 comes at a 2^24th of a sum so far: a double rounds
 * such a sum to the very middle between two floats, which is where rounding twice goes wrong. Tiny ties do the same
 * among subnormal floats.
 */
export function drawFloats(random: Random, length: number, flavour: Flavour): Float32Array {
  const dense = () => random.bits() / 2 ** 31 - 1;
  const nearOne = () => (random.once(2) ? 1 : -1) * (1 + random.between(-3, 3) * 2 ** -23);
  const draw: Record<Flavour, () => number> = {
    dense,
    sparse: () => (random.once(2) ? dense() : random.of(SIGNED_ZERO)),
    coarse: () => random.between(-2047, 2047) * (random.once(3) ? 2 ** -12 : 1),
    wide: () => dense() * 2 ** random.between(-28, 28),
    tiny: () => dense() * 2 ** random.between(-84, -62),
    ties: () => nearOne() * 2 ** random.of([0, 0, -12, -24, -25]),
    tinyTies: () => nearOne() * 2 ** random.of([-63, -70, -75, -75]),
  };
  return Float32Array.from({ length }, draw[flavour]);
}
