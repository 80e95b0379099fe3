// The fully connected layer, as a 1x1 convolution of rows: the same kernels, and the same chains.

import type { ConvGeometry, Triple } from '../../binding.js';
import { active, selectionCount } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { allocateOutput, elementCount, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { type ActivationName, parseActivation } from './activation.js';
import { checkBias } from './apply-filter.js';
import { convGeometry } from './conv-geometry.js';
import { recordConvolution } from './conv-gradient.js';
import { type ConvSettings, parseConvOptions } from './conv-options.js';
import { filterOf } from './filter-cache.js';
import { prepareActivated } from './fused-activation.js';
import { checkTensor, type Mode, rowMajor } from './inputs.js';
import { knownOptions } from './options.js';
import { finished, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

export interface LinearOptions {
  /** Applied to the result on its way to memory; 'none'. */
  activation?: ActivationName | null;
  /** For activation 'leakyRelu': the slope left of zero; 0.01. */
  negativeSlope?: number;
}

/**
 * x [..., inFeatures] times the transpose of weight [outFeatures, inFeatures], plus bias [outFeatures] or null: gives
 * [..., outFeatures]. Each result is one chain of fused multiply-adds in the order of the features, then its bias, then the
 * activation.
 *
 * @throws ShapeError where shapes disagree.
 * @example
 * const weight = Tensor.from([[1, 0, -1]]);
 * ops.linear(Tensor.from([[5, 6, 7], [1, 2, 0]]), weight, Tensor.from([0.5])).toArray(); // [[-1.5], [1.5]]
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options?: LinearOptions,
): Tensor {
  return runNow(prepareLinear(x, weight, bias, parseLinearOptions(options, 'linear'), 'now', 'linear'));
}

const POINTWISE = parseConvOptions({}, 1, 'linear');
const ONE: Triple = [1, 1, 1];

/** A 1x1 convolution with the options' activation. */
export function parseLinearOptions(
  options: LinearOptions | null | undefined,
  operation: string,
): ConvSettings {
  const { activation, negativeSlope } = knownOptions(options, ['activation', 'negativeSlope'], operation);
  return { ...POINTWISE, activation: parseActivation(activation, negativeSlope, operation) };
}

/** Everything but the computing of a linear layer; `memory` is where the result goes, if it has a place already. */
export function prepareLinear(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  settings: ConvSettings,
  mode: Mode,
  operation: string,
  memory?: Float32Array,
): Prepared {
  checkTensor(x, 'x', operation);
  checkTensor(weight, 'weight', operation);
  if (weight.shape.length !== 2 || weight.shape[0] === 0 || weight.shape[1] === 0) {
    throw wrongShape(
      operation,
      `weight must be [outFeatures, inFeatures], but got weight of size: ${showShape(weight.shape)}`,
    );
  }
  if (bias !== null) checkBias(bias, weight, weight.shape[0], operation);
  const [outFeatures, inFeatures] = weight.shape;
  const leading = x.shape.slice(0, -1);
  const rows = elementCount(leading);
  const shape = [...leading, outFeatures];
  if (x.shape.length === 0 || x.shape[x.shape.length - 1] !== inFeatures) {
    throw wrongShape(
      operation,
      `mat1 and mat2 shapes cannot be multiplied (${rows}x${x.shape.at(-1) ?? 1} and ${inFeatures}x${outFeatures}): ` +
        `weight ${showShape(weight.shape)} needs ${inFeatures} input features, but x is ${showShape(x.shape)}`,
      x.shape.length > 2 ? 'flatten x from dimension 1 on' : undefined,
    );
  }
  if (tracing()) {
    const step = { kind: 'linear', operation, inputs: [x], weight } as const;
    return traced(step, shape, ROW_MAJOR);
  }
  return prepareActivated(settings, [x, weight, bias], (own) => {
    const binding = active();
    const filter = filterOf(binding, selectionCount(), own, weight, bias);
    const size = { inChannels: inFeatures, outChannels: outFeatures, kernelSize: ONE };
    const geometry = (): ConvGeometry => convGeometry(own, size, ONE, operation);
    const sized = filter.sized(1, 1, 1, null, 'channelsLast', geometry);
    const packed = filter.packed(sized, weight, mode, operation);
    const input = rowMajor(x, mode, operation);
    const y = memory ?? allocateOutput(shape, operation);
    const output = wrap(y, ROW_MAJOR, shape);
    const computed = {
      operation,
      x,
      weight,
      bias,
      settings: own,
      layout: ROW_MAJOR,
      batch: rows,
      geometry: sized.geometry,
    };
    recordConvolution(output, computed);
    if (rows === 0) return finished(output);
    return {
      output,
      run: () => binding.conv(sized.conv, packed, input, y, rows),
      submit: () => binding.submit('conv', sized.conv, packed, input, y, rows),
    };
  });
}
