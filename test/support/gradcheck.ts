// Gradients judged by finite differences: of a float64 function that computes the same, or, where an operation is linear
// in each input, of the operation itself.

import { expect } from 'vitest';
import { Tensor } from '../../lib/index.js';
import { logicalArray } from '../../lib/tensor/tensor.js';
import { drawFloats, Random } from './random.js';

export interface Check {
  readonly name?: string;
  /** Tensors in any layout; those whose gradient is asked for are marked in `needs`. */
  readonly inputs: readonly Tensor[];
  /** Which inputs' gradients are checked; all. */
  readonly needs?: readonly boolean[];
  /** The operation under test. */
  readonly forward: (...inputs: Tensor[]) => Tensor;
  /**
   * The same in float64, on numbers in logical order, giving the result's in logical order; or 'linear': the operation is
   * linear in each input alone, and differences of it over large steps say its slope.
   */
  readonly truth: ((...inputs: Float64Array[]) => ArrayLike<number>) | 'linear';
  /** How far a gradient may be off, as a part of the largest of its tensor's; 2e-5. */
  readonly tolerance?: number;
  /** Whether forward's own result is compared too, within the same part of its largest; true where there is a truth. */
  readonly checkForward?: boolean;
  /** Elements of each input that are looked at one by one; 12. All are looked at together, along random directions. */
  readonly probes?: number;
  readonly seed?: number;
}

const DIRECTIONS = 2;
/** The step in float64, as a part of an element's size: the error is about its square. */
const STEP = 1e-5;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** Runs forward and backward with a random upstream gradient and compares every input's gradient with differences. */
export function gradcheck(check: Check): void {
  const { inputs, forward, truth, tolerance = 2e-5, probes = 12, seed = 1 } = check;
  const needs = check.needs ?? inputs.map(() => true);
  const random = new Random(seed);
  const leaves = inputs.map((input, i) => {
    const leaf = input.detach();
    if (needs[i]) leaf.requiresGrad = true;
    return leaf;
  });
  const values = inputs.map((input) => Float64Array.from(logicalArray(input, 'gradcheck')));
  const y = forward(...leaves);
  expect(y.requiresGrad, 'the result requires a gradient').toBe(needs.some(Boolean));

  const evaluate =
    truth === 'linear'
      ? (...numbers: Float64Array[]) =>
          logicalArray(
            forward(...numbers.map((list, i) => new Tensor(Float32Array.from(list), inputs[i].shape))),
            'gradcheck',
          )
      : truth;
  if (truth !== 'linear' && check.checkForward !== false) {
    compare(logicalArray(y, 'gradcheck'), evaluate(...values), tolerance, 'result');
  }

  const upstream = drawFloats(random, logicalArray(y, 'gradcheck').length, 'dense');
  y.backward(new Tensor(upstream.slice(), y.shape));
  leaves.forEach((leaf, i) => {
    if (!needs[i]) {
      expect(leaf.grad, `input ${i} asked for no gradient`).toBeNull();
      return;
    }
    const { grad } = leaf;
    if (grad === null) throw new Error(`input ${i} got no gradient`);
    expect(grad.shape).toEqual(inputs[i].shape);
    const gradient = logicalArray(grad, 'gradcheck');
    const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

    const slope = (direction: ArrayLike<number>, step: number): number => {
      const moved = (sign: number) => {
        const list = values[i].map((value, k) => value + sign * step * direction[k]);
        return dot(evaluate(...values.with(i, list)), upstream);
      };
      return (moved(1) - moved(-1)) / (2 * step);
    };
    const step = truth === 'linear' ? 1 : STEP;
    const { length } = gradient;
    const near = (got: number, wanted: number, size: number, where: string): void => {
      if (Math.abs(got - wanted) <= tolerance * size + 1e-7) return;
      throw new Error(
        `${check.name ?? 'gradcheck'}: the gradient of input ${i} ${where} is ${got}, but differences say ${wanted} (largest ${largest})`,
      );
    };
    for (let probe = 0; probe < Math.min(probes, length); probe++) {
      const at = length <= probes ? probe : random.between(0, length - 1);
      const unit = new Float64Array(length);
      unit[at] = 1;
      near(gradient[at], slope(unit, step), largest, `at ${at}`);
    }
    for (let k = 0; k < DIRECTIONS && length > 0; k++) {
      const direction = drawFloats(random, length, 'dense');
      near(
        dot(gradient, direction),
        slope(direction, step),
        largest * Math.sqrt(length),
        'along a direction',
      );
    }
  });
}

function compare(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what: string): void {
  expect(got.length, `length of the ${what}`).toBe(wanted.length);
  let largest = 0;
  for (let i = 0; i < wanted.length; i++) largest = Math.max(largest, Math.abs(wanted[i]));
  for (let i = 0; i < wanted.length; i++) {
    if (!(Math.abs(got[i] - wanted[i]) <= tolerance * largest + 1e-7)) {
      throw new Error(`the ${what} at ${i} is ${got[i]}, not ${wanted[i]} (largest ${largest})`);
    }
  }
}
