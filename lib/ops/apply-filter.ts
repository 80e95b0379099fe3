// What every convolution does once its shapes are known to fit: find the packed filter and the handle, bring the input
// into layout, allocate the output. It does not know which way the convolution goes.

import type { ConvGeometry, Triple } from '../../binding.js';
import { active, selectionCount } from '../backend/index.js';
import { show, wrongShape, wrongType } from '../errors.js';
import { ownsMemory } from '../tensor/autograd.js';
import { allocateOutput, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { storageOf, Tensor, wrap } from '../tensor/tensor.js';
import { recordConvolution } from './conv-gradient.js';
import type { ConvSettings } from './conv-options.js';
import { filterOf } from './filter-cache.js';
import { imageLayout, images, type Mode } from './inputs.js';
import { finished, type Prepared } from './run.js';
import { traced, tracing } from './trace.js';

export interface Application {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly settings: ConvSettings;
  readonly outChannels: number;
  /** The output size asked for, where the settings leave a choice. */
  readonly requested: Triple | null;
  /** All sizes, for an image that this weight has not met lately. */
  geometry(inputSize: Triple): ConvGeometry;
  readonly mode: Mode;
  readonly operation: string;
}

/** Everything but the computing of a convolution whose shapes fit. */
export function applyFilter(application: Application): Prepared {
  const { x, weight, bias, settings, outChannels, requested, mode, operation } = application;
  const { rank } = settings;
  const shape = x.shape;
  const channelAxis = shape.length - rank - 1;
  const first = channelAxis + 1;
  const depth = rank > 2 ? shape[first] : 1;
  const height = rank > 1 ? shape[shape.length - 2] : 1;
  const width = shape[shape.length - 1];

  const shapeOf = (outputSize: Triple): number[] => {
    const outputShape = channelAxis === 1 ? [shape[0], outChannels] : [outChannels];
    for (let axis = 0; axis < rank; axis++) outputShape.push(outputSize[3 - rank + axis]);
    return outputShape;
  };
  if (tracing()) {
    const geometry = application.geometry([depth, height, width]);
    const step = { kind: 'conv', operation, inputs: [x], rank, weight, bias, geometry } as const;
    return traced(step, shapeOf(geometry.outputSize), channelAxis);
  }

  // One lookup where this weight met images of this size before.
  const binding = active();
  const filter = filterOf(binding, selectionCount(), settings, weight, bias);
  const layout = imageLayout(x, mode);
  const sizes = () => application.geometry([depth, height, width]);
  const sized = filter.sized(depth, height, width, requested, layout, sizes);

  const { conv, geometry, outputSize, outputLayout } = sized;
  const outputShape = shapeOf(outputSize);
  const batch = channelAxis === 1 ? shape[0] : 1;
  const packed = filter.packed(sized, weight, mode, operation);
  const input = images(x, layout, channelAxis, mode, operation);
  const y = allocateOutput(outputShape, operation);
  const output = wrap(y, outputLayout === 'channelsLast' ? channelAxis : ROW_MAJOR, outputShape);
  if (layout === 'channelsFirst') storageOf(output).watch(filter.demand);
  recordConvolution(output, { operation, x, weight, bias, settings, layout: channelAxis, batch, geometry });
  ownsMemory(output);
  if (batch === 0) return finished(output);
  return {
    output,
    run: () => binding.conv(conv, packed, input, y, batch),
    submit: () => binding.submit('conv', conv, packed, input, y, batch),
  };
}

/** That a bias has one number for each output channel. */
export function checkBias(bias: Tensor, weight: Tensor, outputs: number, operation: string): void {
  if (!(bias instanceof Tensor)) {
    throw wrongType(
      operation,
      `bias must be a Tensor or null, not ${show(bias)}`,
      'options are the argument after it',
    );
  }
  if (bias.shape.length !== 1 || bias.shape[0] !== outputs) {
    throw wrongShape(
      operation,
      `Given weight of size ${showShape(weight.shape)}, expected bias to be 1-dimensional with ${outputs} elements, ` +
        `but got bias of size ${showShape(bias.shape)} instead`,
    );
  }
}
