// Dropout: random elements set to zero while a network is trained, the others made larger in turn.

import { active } from '../backend/index.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { checkedSeed, nextStream } from '../numerics/philox.js';
import { gradientMemory, gradientTensor, record, recording } from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { extents, ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { asTheyLie, checkTensor, inLayout, layoutOf, type Mode } from './inputs.js';
import { flag, knownOptions } from './options.js';
import { finished, inOrder, type Prepared, runNow, type Step } from './run.js';
import { traced, tracing } from './trace.js';

export interface DropoutOptions {
  /** The probability of an element to become 0; 0.5. */
  p?: number;
  /** Without it x is given back as it is; true. */
  training?: boolean;
  /** The same seed drops the same elements; without one, the next draw of `manualSeed`'s sequence. */
  seed?: number;
}

export function checkedProbability(p: unknown, operation: string): number {
  if (typeof p !== 'number') throw wrongType(operation, `p must be a number, not ${show(p)}`);
  if (p >= 0 && p <= 1) return p;
  throw wrongValue(operation, `dropout probability has to be between 0 and 1, but got ${p}`);
}

/**
 * Sets each element to 0 with probability p and divides the others by 1 - p (Srivastava et al. 2014). Which ones depends on
 * the seed and an element's place in logical order alone.
 *
 * @throws RangeError where p is no probability.
 * @example
 * ops.dropout(Tensor.ones([2, 8]), { p: 0.25, seed: 3 });
 */
export function dropout(x: Tensor, options?: DropoutOptions): Tensor {
  const operation = 'dropout';
  const { p = 0.5, training = true, seed } = knownOptions(options, ['p', 'training', 'seed'], operation);
  const probability = checkedProbability(p, operation);
  checkTensor(x, 'x', operation);
  if (!flag(training, 'training', operation)) return x;
  return runNow(
    prepareDropout(x, probability, seed === undefined ? undefined : checkedSeed(operation, seed), 'now'),
  );
}

/** Everything but the computing of a dropout under training. */
export function prepareDropout(x: Tensor, p: number, seed: number | undefined, mode: Mode): Prepared {
  const operation = 'dropout';
  const { shape } = x;
  const layout = layoutOf(x);
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs: [x] }, shape, layout);
  const binding = active();
  const { seed: key, stream } = nextStream(seed);
  const input = asTheyLie(x, mode, operation);
  const y = allocateOutput(shape, operation);
  const mask = allocateOutput(shape, operation);
  const output = wrap(y, layout, shape);
  if (recording([x])) {
    record(output, operation, [x], (upstream) => {
      const gradient = gradientMemory(shape);
      if (mask.length > 0)
        binding.binary('mul', inLayout(upstream, layout, 'now', operation), mask, gradient);
      return [gradientTensor(gradient, layout, shape)];
    });
  }
  if (y.length === 0) return finished(output);

  const steps: Step[] = [];
  if (p === 1) mask.fill(0);
  else {
    // Drawn in logical order, and then laid as x lies
    const drawn = layout === ROW_MAJOR ? mask : allocateOutput(shape, operation);
    const words = [...halves(key), ...halves(stream)] as const;
    steps.push({
      run: () => binding.dropoutMask(...words, p, drawn),
      submit: () => binding.submit('dropoutMask', ...words, p, drawn),
    });
    if (layout !== ROW_MAJOR) {
      const { batch, channels, positions } = extents(shape, layout);
      steps.push({
        run: () => binding.toChannelsLast(drawn, mask, batch, channels, positions),
        submit: () => binding.submit('toChannelsLast', drawn, mask, batch, channels, positions),
      });
    }
  }
  steps.push({
    run: () => binding.binary('mul', input, mask, y),
    submit: () => binding.submit('binary', 'mul', input, mask, y),
  });
  return inOrder(output, steps);
}

const halves = (value: number): readonly [low: number, high: number] => [
  value >>> 0,
  Math.floor(value / 4294967296) >>> 0,
];
