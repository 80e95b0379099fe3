// Dropout: random elements set to zero while a network is trained, the others made larger in turn.

import { active } from '../backend/index.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { checkedSeed, nextStream, type RandomStream } from '../numerics/philox.js';
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
  const { p, training, seed } = parseDropout(options, 'dropout');
  checkTensor(x, 'x', 'dropout');
  return training ? runNow(prepareDropout(x, p, seed, 'now')) : x;
}

/** Checked options. */
export function parseDropout(options: DropoutOptions | undefined, operation: string) {
  const { p = 0.5, training = true, seed } = knownOptions(options, ['p', 'training', 'seed'], operation);
  return {
    p: checkedProbability(p, operation),
    training: flag(training, 'training', operation),
    seed: seed === undefined ? undefined : checkedSeed(operation, seed),
  };
}

/** Everything but the computing of a dropout under training. */
export function prepareDropout(x: Tensor, p: number, seed: number | undefined, mode: Mode): Prepared {
  const operation = 'dropout';
  const { shape } = x;
  const layout = layoutOf(x);
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs: [x] }, shape, layout);
  const binding = active();
  const stream = nextStream(seed);
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
  // Drawn in logical order, and then laid as x lies
  const drawn = layout === ROW_MAJOR ? mask : allocateOutput(shape, operation);
  steps.push(drawMask(p, stream, drawn));
  if (layout !== ROW_MAJOR) {
    const { batch, channels, positions } = extents(shape, layout);
    steps.push({
      run: () => binding.toChannelsLast(drawn, mask, batch, channels, positions),
      submit: () => binding.submit('toChannelsLast', drawn, mask, batch, channels, positions),
    });
  }
  steps.push({
    run: () => binding.binary('mul', input, mask, y),
    submit: () => binding.submit('binary', 'mul', input, mask, y),
  });
  return inOrder(output, steps);
}

/** Fills a mask: 0 with probability p, else 1 / (1 - p). */
export function drawMask(p: number, { seed, stream }: RandomStream, mask: Float32Array): Step {
  if (p === 1) {
    mask.fill(0);
    return finished(NOTHING);
  }
  const binding = active();
  const words = [...halves(seed), ...halves(stream)] as const;
  return {
    run: () => binding.dropoutMask(...words, p, mask),
    submit: () => binding.submit('dropoutMask', ...words, p, mask),
  };
}

const NOTHING = wrap(new Float32Array(0), ROW_MAJOR, [0]);

const halves = (value: number): readonly [low: number, high: number] => [
  value >>> 0,
  Math.floor(value / 4294967296) >>> 0,
];
