// Elements kept within two bounds, and the gradient: nothing flows where a bound holds.

import { active } from '../backend/index.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { record, recording, save } from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { Tensor, wrap } from '../tensor/tensor.js';
import { activationGradient } from './activate.js';
import { plainActivation } from './activation.js';
import { combine } from './broadcast.js';
import { asTheyLie, checkTensor, layoutOf, type Mode } from './inputs.js';
import { knownOptions } from './options.js';
import { finished, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

export interface ClampOptions {
  /** What smaller elements become; none. */
  min?: number | null;
  /** What larger elements become; none. */
  max?: number | null;
}

/** Bounds as the engine reads them. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

export function parseClamp(options: ClampOptions | undefined, operation: string): Bounds {
  const { min, max } = knownOptions(options, ['min', 'max'], operation);
  const bound = (value: unknown, usual: number, name: string): number => {
    if (value === undefined || value === null) return usual;
    if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
    if (Number.isNaN(value)) throw wrongValue(operation, `${name} must be a number, but got ${name}=NaN`);
    return Math.fround(value);
  };
  return { low: bound(min, -Infinity, 'min'), high: bound(max, Infinity, 'max') };
}

/**
 * min(max(x, min), max), element by element; NaN stays NaN. Its gradient is the upstream one strictly between the bounds and
 * 0 elsewhere.
 *
 * @throws TypeError | RangeError where a bound is none.
 * @example
 * ops.clamp(Tensor.from([-2, 0.5, 9]), { min: -1, max: 1 }).toArray(); // [-1, 0.5, 1]
 */
export const clamp = (x: Tensor, options: ClampOptions): Tensor =>
  runNow(prepareClamp(x, parseClamp(options, 'clamp'), 'now', 'clamp'));

/** Everything but the computing under checked bounds. */
export function prepareClamp(x: Tensor, { low, high }: Bounds, mode: Mode, operation: string): Prepared {
  checkTensor(x, 'x', operation);
  const layout = layoutOf(x);
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs: [x] }, x.shape, layout);
  const binding = active();
  const input = asTheyLie(x, mode, operation);
  const y = allocateOutput(x.shape, operation);
  const output = wrap(y, layout, x.shape);
  if (recording([x])) {
    const values = save(x);
    record(output, operation, [x], (upstream) => {
      let gradient = upstream;
      // Behind x - low and high - x a relu has this gradient
      const within = (a: Tensor, b: Tensor): void => {
        const room = allocateOutput(x.shape, operation);
        combine('sub', a, b, x.shape, layout, room, operation);
        gradient = activationGradient(RELU, wrap(room, layout, x.shape), gradient);
      };
      if (low > -Infinity) within(values(), Tensor.full([], low));
      if (high < Infinity) within(Tensor.full([], high), values());
      return [gradient];
    });
  }
  if (y.length === 0) return finished(output);
  return {
    output,
    run: () => binding.clamp(low, high, input, y),
    submit: () => binding.submit('clamp', low, high, input, y),
  };
}

const RELU = plainActivation('relu');
