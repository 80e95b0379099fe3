// Channels of groups dealt out in turn, so that grouped convolutions after one another mix all channels.

import { wrongShape, wrongValue } from '../errors.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkTensor } from './inputs.js';
import { wholeNumber } from './options.js';
import { prepareRemap, remappedLayout } from './remap.js';
import { runNow } from './run.js';
import { traced, tracing } from './trace.js';

/**
 * The channels of x [N, C, ...], seen as `groups` groups, in the order first of the first group, first of the second and so on
 * (Zhang et al. 2017, ShuffleNet).
 *
 * @throws ShapeError | RangeError where the groups do not divide the channels.
 * @example
 * ops.channelShuffle(Tensor.from([[1, 2, 3, 4]]), 2).toArray(); // [[1, 3, 2, 4]]
 */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  const operation = 'channelShuffle';
  checkTensor(x, 'x', operation);
  const count = wholeNumber(groups, 1, 'groups', 'groups must be positive', operation);
  if (x.shape.length < 2) {
    throw wrongShape(operation, `x must be [N, C, ...], but got input of size: ${showShape(x.shape)}`);
  }
  const channels = x.shape[1];
  if (channels % count !== 0) {
    const law = 'number of channels must be divisible by groups';
    throw wrongValue(operation, `${law}, but got ${channels} channels and ${count} groups`);
  }
  const own = channels / count;
  const sources = new Map([
    [1, Int32Array.from({ length: channels }, (_, i) => (i % count) * own + Math.floor(i / count))],
  ]);
  if (tracing()) {
    return traced({ kind: 'pointwise', operation, inputs: [x] }, x.shape, remappedLayout(x, sources)).output;
  }
  return runNow(prepareRemap(x, sources, 0, 'now', operation));
}
