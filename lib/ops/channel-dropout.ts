// Dropout of whole channels: neighbours in an image are so alike that dropping single elements of it teaches little.

import { active } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { nextStream } from '../numerics/philox.js';
import { gradientMemory, gradientTensor, record, recording } from '../tensor/autograd.js';
import { allocateOutput, elementCount, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { type DropoutOptions, drawMask, parseDropout } from './dropout.js';
import { checkTensor, inLayout, layoutOf, type Mode } from './inputs.js';
import { finished, inOrder, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

/** Everything but the computing: x is [N, C, ...], or [C, ...] where its channels are at `channelAxis` 0. */
export function prepareChannelDropout(
  x: Tensor,
  p: number,
  seed: number | undefined,
  channelAxis: number,
  mode: Mode,
  operation: string,
): Prepared {
  const { shape } = x;
  const layout = layoutOf(x) === channelAxis ? channelAxis : ROW_MAJOR;
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs: [x] }, shape, layout);
  const binding = active();
  const batch = elementCount(shape.slice(0, channelAxis));
  const channels = shape[channelAxis];
  const positions = elementCount(shape.slice(channelAxis + 1));
  const geometry =
    layout === ROW_MAJOR
      ? { sizes: [batch * channels, positions], aSteps: [positions, 1], bSteps: [1, 0] }
      : {
          sizes: [batch, positions, channels],
          aSteps: [positions * channels, channels, 1],
          bSteps: [channels, 0, 1],
        };
  const stream = nextStream(seed);
  const input = inLayout(x, layout, mode, operation);
  const y = allocateOutput(shape, operation);
  const mask = allocateOutput([batch, channels], operation);
  const output = wrap(y, layout, shape);
  if (recording([x])) {
    record(output, operation, [x], (upstream) => {
      const gradient = gradientMemory(shape);
      const above = inLayout(upstream, layout, 'now', operation);
      if (gradient.length > 0) binding.broadcast('mul', geometry, above, mask, gradient);
      return [gradientTensor(gradient, layout, shape)];
    });
  }
  if (y.length === 0) return finished(output);
  const drop = {
    run: () => binding.broadcast('mul', geometry, input, mask, y),
    submit: () => binding.submit('broadcast', 'mul', geometry, input, mask, y),
  };
  return inOrder(output, [drawMask(p, stream, mask), drop]);
}

/** Where PyTorch's dropout of `rank` spatial dimensions takes the channels to be. @throws ShapeError where there are none. */
export function channelAxisOfDropout(x: Tensor, rank: number, operation: string): number {
  const dimensions = x.shape.length;
  // PyTorch's dropout2d takes three dimensions for [N, C, L], and not for one image
  if (dimensions === rank + 2 || (rank === 2 && dimensions === 3)) return 1;
  if (rank !== 2 && dimensions === rank + 1) return 0;
  const wanted = rank === 2 ? '[N, C, H, W] or [N, C, L]' : `${rank + 1}D or ${rank + 2}D`;
  throw wrongShape(
    operation,
    `Expected ${wanted} input, but received an input of size: ${showShape(x.shape)}`,
  );
}

function channelDropout(x: Tensor, options: DropoutOptions | undefined, rank: number): Tensor {
  const operation = `dropout${rank}d`;
  const { p, training, seed } = parseDropout(options, operation);
  checkTensor(x, 'x', operation);
  const axis = channelAxisOfDropout(x, rank, operation);
  return training ? runNow(prepareChannelDropout(x, p, seed, axis, 'now', operation)) : x;
}

/** Drops whole channels of x [N, C, L] or [C, L]; see {@link dropout2d}. */
export const dropout1d = (x: Tensor, options?: DropoutOptions): Tensor => channelDropout(x, options, 1);

/**
 * Sets each channel of each image of x [N, C, H, W] to 0 with probability p and divides the others by 1 - p (Tompson et al.
 * 2015, SpatialDropout). Which ones depends on the seed and a channel's place alone.
 *
 * @throws RangeError where p is no probability; ShapeError where x are no images.
 * @example
 * ops.dropout2d(Tensor.ones([2, 8, 5, 5]), { p: 0.25, seed: 3 }).shape; // [2, 8, 5, 5]
 */
export const dropout2d = (x: Tensor, options?: DropoutOptions): Tensor => channelDropout(x, options, 2);

/** Drops whole channels of x [N, C, D, H, W] or [C, D, H, W]; see {@link dropout2d}. */
export const dropout3d = (x: Tensor, options?: DropoutOptions): Tensor => channelDropout(x, options, 3);
