// The modulus of complex channels, which lie side by side as real and imaginary parts.

import { active } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { gradientMemory, gradientTensor, record, recording, save } from '../tensor/autograd.js';
import { allocateOutput, showShape } from '../tensor/shape.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { channelsLast, checkTensor, type Mode } from './inputs.js';
import { finished, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

/** Everything but the computing of the modulus. */
export function prepareModulus(x: Tensor, mode: Mode): Prepared {
  const operation = 'modulus';
  checkTensor(x, 'x', operation);
  const rank = x.shape.length;
  const channelAxis = rank - 3;
  if ((rank !== 3 && rank !== 4) || x.shape[channelAxis] % 2 !== 0) {
    throw wrongShape(
      operation,
      `x must be [N, 2C, H, W] or [2C, H, W], channels 2c and 2c + 1 being real and imaginary parts, but got input of size: ${showShape(x.shape)}`,
    );
  }
  const shape = x.shape.with(channelAxis, x.shape[channelAxis] / 2);
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs: [x] }, shape, channelAxis);
  const binding = active();
  const input = channelsLast(x, channelAxis, mode, operation);
  const y = allocateOutput(shape, operation);
  const output = wrap(y, channelAxis, shape);
  if (recording([x])) {
    const saved = save(x);
    record(output, operation, [x], (upstream) => {
      const gradient = gradientMemory(x.shape);
      const [of, above] = [saved(), upstream].map((tensor) =>
        channelsLast(tensor, channelAxis, 'now', operation),
      );
      if (gradient.length > 0) active().modulusGradient(of, above, gradient);
      return [gradientTensor(gradient, channelAxis, x.shape)];
    });
  }
  if (y.length === 0) return finished(output);
  return {
    output,
    run: () => binding.modulus(input, y),
    submit: () => binding.submit('modulus', input, y),
  };
}

/**
 * The absolute value of complex channels: x [N, 2C, H, W] or [2C, H, W], whose channels 2c and 2c + 1 are real and
 * imaginary parts, gives [N, C, H, W] of sqrt(re^2 + im^2).
 *
 * @throws ShapeError where the number of channels is odd.
 * @example
 * ops.modulus(new Tensor(new Float32Array([3, 4]), [1, 2, 1, 1])).item(); // 5
 */
export const modulus = (x: Tensor): Tensor => runNow(prepareModulus(x, 'now'));
