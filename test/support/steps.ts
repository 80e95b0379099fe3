// Random steps of optimisers, and what gradients are clipped by.
import type { AdamStep, Binding, SgdStep } from '../../binding.js';
import type { Call } from './conformance.js';
import type { Random } from './random.js';

export type Step =
  | { readonly family: 'sgdStep'; readonly step: SgdStep; readonly arrays: readonly Float32Array[] }
  | { readonly family: 'adamStep'; readonly step: AdamStep; readonly arrays: readonly Float32Array[] }
  | { readonly family: 'sumSquares'; readonly x: Float32Array }
  | { readonly family: 'scale'; readonly factor: number; readonly x: Float32Array }
  | { readonly family: 'clamp'; readonly low: number; readonly high: number; readonly x: Float32Array };

/** Around vectors of 4, 8 and 16, and around chunks of 4096 and 8192 elements. */
const LENGTHS = [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 4095, 4096, 4097, 8191, 8192, 8193, 20_000];

export function drawStep(random: Random, draw: (length: number) => Float32Array): Step {
  const length = random.of(LENGTHS);
  const arrays = (count: number) => Array.from({ length: count }, () => draw(length));
  switch (
    random.of(['sgdStep', 'sgdStep', 'adamStep', 'adamStep', 'sumSquares', 'scale', 'clamp'] as const)
  ) {
    case 'sgdStep': {
      const step: SgdStep = {
        rate: random.of([0.1, 0.01, 1e-4, 1]),
        decay: random.of([0, 0, 0.01, 5e-4]),
        momentum: random.of([0.9, 0.5, 0.999]),
        keep: random.of([1, 0.7]),
        nesterov: random.once(2),
        maximize: random.once(3),
        first: random.once(3),
      };
      return { family: 'sgdStep', step, arrays: arrays(random.of([2, 3])) };
    }
    case 'adamStep': {
      const count = random.between(1, 40);
      const [beta1, beta2] = random.of([
        [0.9, 0.999],
        [0.8, 0.99],
        [0, 0],
      ]);
      const step: AdamStep = {
        rate: 0.01 / (1 - (beta1 === 0 ? 0 : beta1 / count)),
        root: random.of([1, 0.0316, 0.5]),
        eps: random.of([1e-8, 1e-6, 0.1]),
        fresh1: 1 - beta1,
        fresh2: 1 - beta2,
        decay: random.of([0, 0, 0.1]),
        shrink: random.of([0, 0, 1e-5]),
        maximize: random.once(3),
      };
      const [parameter, gradient, mean, variance, largest] = arrays(5);
      const state = [mean, variance.map(Math.abs), largest.map(Math.abs)].slice(0, random.of([2, 3]));
      return { family: 'adamStep', step, arrays: [parameter, gradient, ...state] };
    }
    case 'sumSquares':
      return { family: 'sumSquares', x: draw(length) };
    case 'scale':
      return { family: 'scale', factor: random.of([0.1, -3, 0, 1e-30]), x: draw(length) };
    default:
      return {
        family: 'clamp',
        low: random.of([-0.5, 0, -1e-20]),
        high: random.of([0.5, 1e-25]),
        x: draw(length),
      };
  }
}

/** The arrays of a step lie one behind the other in its output, so that all that it changes is compared. */
function together(arrays: readonly Float32Array[]): { output: Float32Array; parts: Float32Array[] } {
  const { length } = arrays[0];
  const output = new Float32Array(length * arrays.length);
  const parts = arrays.map((array, i) => {
    const part = output.subarray(i * length, (i + 1) * length);
    part.set(array);
    return part;
  });
  return { output, parts };
}

export function stepCall(binding: Binding, problem: Step): Call {
  switch (problem.family) {
    case 'sgdStep': {
      const { step } = problem;
      const { output, parts } = together(problem.arrays);
      const [parameter, gradient, momentum = null] = parts;
      if (momentum !== null && step.first) momentum.fill(Number.NaN);
      return {
        output,
        run: () => binding.sgdStep(step, parameter, gradient, momentum),
        submit: () => binding.submit('sgdStep', step, parameter, gradient, momentum),
      };
    }
    case 'adamStep': {
      const { step } = problem;
      const { output, parts } = together(problem.arrays);
      const [parameter, gradient, mean, variance, largest = null] = parts;
      return {
        output,
        run: () => binding.adamStep(step, parameter, gradient, mean, variance, largest),
        submit: () => binding.submit('adamStep', step, parameter, gradient, mean, variance, largest),
      };
    }
    case 'sumSquares': {
      const { x } = problem;
      const y = Float32Array.of(Number.NaN);
      return {
        output: y,
        run: () => binding.sumSquares(x, y),
        submit: () => binding.submit('sumSquares', x, y),
      };
    }
    case 'scale': {
      const { factor, x } = problem;
      const y = new Float32Array(x.length).fill(Number.NaN);
      return {
        output: y,
        run: () => binding.scale(factor, x, y),
        submit: () => binding.submit('scale', factor, x, y),
      };
    }
    case 'clamp': {
      const { low, high, x } = problem;
      const y = new Float32Array(x.length).fill(Number.NaN);
      return {
        output: y,
        run: () => binding.clamp(low, high, x, y),
        submit: () => binding.submit('clamp', low, high, x, y),
      };
    }
  }
}
