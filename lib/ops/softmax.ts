// Softmax and its logarithm along one dimension, and their gradients.

import { active } from '../backend/index.js';
import { gradientMemory, gradientTensor, record, recording, save } from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { channelsLast, checkTensor, type Mode, rowMajor } from './inputs.js';
import { knownOptions } from './options.js';
import { checkedDimension } from './rearrange.js';
import { finished, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

type Kind = 'softmax' | 'logSoftmax';

export interface SoftmaxOptions {
  /** The dimension whose elements sum to 1; -1 is the last. */
  dim: number;
}

/** The dimension of an options object. */
function parseDimension(options: SoftmaxOptions | undefined, rank: number, operation: string): number {
  return checkedDimension(knownOptions(options, ['dim'], operation).dim, rank, 'dim', operation);
}

/** Everything but the computing along a checked dimension. */
export function prepareSoftmax(x: Tensor, kind: Kind, dim: number, mode: Mode): Prepared {
  const { shape } = x;
  // The engine takes rows: the dimension's elements side by side
  const layout = dim < shape.length - 1 ? dim : ROW_MAJOR;
  if (tracing()) return traced({ kind: 'other', operation: kind, inputs: [x] }, shape, layout);
  const binding = active();
  const rows = (tensor: Tensor, when: Mode): Float32Array =>
    layout === ROW_MAJOR ? rowMajor(tensor, when, kind) : channelsLast(tensor, layout, when, kind);
  const input = rows(x, mode);
  const y = allocateOutput(shape, kind);
  const output = wrap(y, layout, shape);
  const length = shape[dim] ?? 1;
  if (recording([x])) {
    const result = save(output);
    record(output, kind, [x], (upstream) => {
      const gradient = gradientMemory(shape);
      const values = rows(result(), 'now');
      if (values.length > 0) {
        binding.softmaxGradient(kind, values, rows(upstream, 'now'), gradient, length);
      }
      return [gradientTensor(gradient, layout, shape)];
    });
  }
  if (y.length === 0) return finished(output);
  return {
    output,
    run: () => binding.softmax(kind, input, y, length),
    submit: () => binding.submit('softmax', kind, input, y, length),
  };
}

function along(kind: Kind, x: Tensor, options: SoftmaxOptions): Tensor {
  checkTensor(x, 'x', kind);
  return runNow(prepareSoftmax(x, kind, parseDimension(options, x.shape.length, kind), 'now'));
}

/**
 * e^x over the sum of e^x along a dimension: positive numbers that sum to 1.
 *
 * @throws RangeError where x has no such dimension.
 * @example
 * ops.softmax(Tensor.from([[0, 0]]), { dim: 1 }).toArray(); // [[0.5, 0.5]]
 */
export const softmax = (x: Tensor, options: SoftmaxOptions): Tensor => along('softmax', x, options);

/**
 * The logarithm of {@link softmax}, accurate where that would vanish.
 *
 * @throws RangeError where x has no such dimension.
 */
export const logSoftmax = (x: Tensor, options: SoftmaxOptions): Tensor => along('logSoftmax', x, options);
