// Random problems of arithmetic on two operands, of sums along an axis, and of moduli.
import type { Arithmetic, BroadcastGeometry } from '../../binding.js';
import type { Random } from './random.js';

type Draw = (length: number) => Float32Array;

export type ArithmeticProblem =
  | {
      readonly family: 'binary';
      readonly kind: Arithmetic;
      readonly a: Float32Array;
      readonly b: Float32Array;
    }
  | {
      readonly family: 'broadcast';
      readonly kind: Arithmetic;
      readonly broadcast: BroadcastGeometry;
      readonly a: Float32Array;
      readonly b: Float32Array;
    }
  | {
      readonly family: 'sum';
      readonly x: Float32Array;
      readonly outer: number;
      readonly count: number;
      readonly inner: number;
      readonly divisor: number;
    }
  | { readonly family: 'modulus'; readonly x: Float32Array }
  | { readonly family: 'modulusGradient'; readonly x: Float32Array; readonly upstream: Float32Array };

const KINDS: readonly Arithmetic[] = ['add', 'sub', 'mul', 'div'];

export function drawArithmetic(random: Random, draw: Draw, lengths: readonly number[]): ArithmeticProblem {
  const length = random.of(lengths);
  switch (
    random.of(['binary', 'broadcast', 'broadcast', 'sum', 'sum', 'modulus', 'modulusGradient'] as const)
  ) {
    case 'binary':
      return { family: 'binary', kind: random.of(KINDS), a: draw(length), b: draw(length) };
    case 'broadcast':
      return drawBroadcast(random, draw);
    case 'sum':
      return drawSumAlong(random, draw);
    case 'modulus':
      return { family: 'modulus', x: draw(2 * length) };
    case 'modulusGradient':
      return { family: 'modulusGradient', x: draw(2 * length), upstream: draw(length) };
  }
}

/** Steps of an operand that lies densely over the axes where it does not repeat. */
function drawBroadcast(random: Random, draw: Draw): ArithmeticProblem {
  const rank = random.between(0, 5);
  const sizes: number[] = [];
  let total = 1;
  for (let axis = 0; axis < rank; axis++) {
    const size = random.of([0, 1, 2, 3, 5, 8, 15, 16, 17, 33, 100, 20_000]);
    sizes.push(total * size > 60_000 ? 2 : size);
    total *= sizes[axis];
  }
  const steps = (): { list: number[]; length: number } => {
    const list = new Array<number>(rank).fill(0);
    let length = 1;
    for (let axis = rank - 1; axis >= 0; axis--) {
      if (random.once(3)) continue;
      list[axis] = length;
      length *= sizes[axis];
    }
    return { list, length: sizes.includes(0) ? 0 : length };
  };
  const [a, b] = [steps(), steps()];
  // Along the last axis a step is 0 or 1 of itself; a size of 1 has any step
  const broadcast = { sizes, aSteps: a.list, bSteps: b.list };
  return { family: 'broadcast', kind: random.of(KINDS), broadcast, a: draw(a.length), b: draw(b.length) };
}

/** Around the ends of chunks of 256 and of the groups of chains that are added side by side. */
function drawSumAlong(random: Random, draw: Draw): ArithmeticProblem {
  const count = random.of([0, 1, 2, 7, 16, 255, 256, 257, 511, 513, 1000, 17_000]);
  const room = Math.max(1, Math.floor(60_000 / Math.max(1, count)));
  const inner = Math.min(room, random.of([0, 1, 1, 1, 2, 3, 7, 8, 15, 16, 17, 64, 65, 513]));
  const outer = Math.min(
    Math.max(1, Math.floor(room / Math.max(1, inner))),
    random.of([0, 1, 2, 3, 15, 63, 64, 65, 200]),
  );
  const x = draw(outer * count * inner);
  return { family: 'sum', x, outer, count, inner, divisor: random.of([1, Math.max(1, count), 3]) };
}
