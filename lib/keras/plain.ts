// Keras's layers that name the same elements otherwise.

import { wrongShape } from '../errors.js';
import { channelsLast, checkTensor, type Mode } from '../ops/inputs.js';
import { knownOptions } from '../ops/options.js';
import { finished, type Prepared } from '../ops/run.js';
import { tracing } from '../ops/trace.js';
import { record, renamedGradient } from '../tensor/autograd.js';
import { showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { type DataFormat, parseDataFormat } from './data-format.js';
import { KerasLayer, LAYER_OPTION_NAMES, type LayerOptions } from './layer.js';

export interface FlattenOptions extends LayerOptions {
  /** Where inputs have their channels; 'channelsLast'. */
  dataFormat?: DataFormat;
}

/**
 * Joins all dimensions but the first: x [N, H, W, C] to [N, H * W * C], the channels of a position next to each other. With
 * dataFormat 'channelsFirst' x is [N, C, H, W] and the result the same, as in Keras.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new Flatten().forward(Tensor.zeros([2, 4, 4, 3])).shape; // [2, 48]
 */
export class Flatten extends KerasLayer {
  readonly #format: DataFormat;

  constructor(options?: FlattenOptions) {
    const given = knownOptions(options, [...LAYER_OPTION_NAMES, 'dataFormat'], 'Flatten');
    super('Flatten', given);
    this.#format = parseDataFormat(given.dataFormat, 'Flatten');
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', this.operation);
    const { shape } = x;
    if (shape.length === 0) {
      throw wrongShape(
        this.operation,
        `Input 0 is incompatible with the layer: expected min_ndim=2, found ndim=0. Full shape received: ${showShape(shape)}`,
      );
    }
    const features = shape.slice(1).reduce((product, size) => product * size, 1);
    const first = this.#format === 'channelsFirst' && shape.length > 2;
    if ((mode === 'now' && !first) || tracing()) return finished(x.reshape([shape[0], features]));
    // An array that no user can reach, so that it may be shared with x.
    const axis = first ? 1 : shape.length - 1;
    const output = wrap(channelsLast(x, axis, 'background', this.operation), 1, [shape[0], features]);
    record(output, this.operation, [x], (upstream) => [renamedGradient(upstream, ROW_MAJOR, axis, shape)]);
    return finished(output);
  }
}
