// What every convolution does once its shapes are known to fit: find the packed filter and the handle, bring the input
// into layout, allocate the output. It does not know which way the convolution goes.

import type { ConvGeometry, Triple } from '../../binding.js';
import { active, selectionCount } from '../backend/index.js';
import { SmallOutputs } from '../backend/memory.js';
import { show, wrongShape, wrongType } from '../errors.js';
import { ownsMemory, recordingAny } from '../tensor/autograd.js';
import { allocateOutput, elementCount, sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR, Storage } from '../tensor/storage.js';
import { storageOf, Tensor } from '../tensor/tensor.js';
import { ConvCall } from './conv-call.js';
import { recordConvolution } from './conv-gradient.js';
import type { ConvSettings } from './conv-options.js';
import { type FittedConv, filterOf, keptFilter } from './filter-cache.js';
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
  const sizes = () => application.geometry([depth, height, width]);
  const sized = filter.sized(depth, height, width, requested, imageLayout(x, mode), sizes);
  const batch = channelAxis === 1 ? shape[0] : 1;
  const outputShape = Object.freeze(shapeOf(sized.outputSize));
  const outputLength = elementCount(outputShape);
  const small = SmallOutputs.serve(outputLength) ? new SmallOutputs(outputLength) : null;
  const fitted = { filter, shape, channelAxis, batch, sized, outputShape, outputLength, small };
  filter.fitted = fitted;
  return applyFitted(fitted, x, weight, mode, operation);
}

/**
 * The same where the last call with this weight, bias and settings had images of this shape and layout: then the checks would
 * find what they found and the sizes are known, which is most of what a small layer's call costs. Null where it had others.
 * Whether the parameters have changed since, whether x is still there and what becomes of the result is asked every time.
 */
export function applyAgain(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  settings: ConvSettings,
  mode: Mode,
  operation: string,
): Prepared | null {
  const fitted = fittedBefore(x, weight, bias, settings, mode);
  return fitted === null ? null : applyFitted(fitted, x, weight, mode, operation);
}

/** {@link applyAgain} and run, where nothing is recorded: the shortest way there is. */
export function computeAgain(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  settings: ConvSettings,
  operation: string,
): Tensor | null {
  const fitted = fittedBefore(x, weight, bias, settings, 'now');
  if (fitted === null || recordingAny(x, weight, bias)) return null;
  const { filter, channelAxis, batch, sized } = fitted;
  const packed = filter.packed(sized, weight, 'now', operation);
  const input = images(x, sized.inputLayout, channelAxis, 'now', operation);
  const { small, outputShape, outputLength } = fitted;
  const y = small === null ? allocateOutput(outputShape, operation, outputLength) : small.take();
  if (batch > 0) filter.compute(sized.conv, packed, input, y, batch);
  return outputOf(fitted, y);
}

/** What an earlier call with such images left; null where none did. */
function fittedBefore(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  settings: ConvSettings,
  mode: Mode,
): FittedConv | null {
  if (tracing()) return null;
  const fitted = keptFilter(selectionCount(), settings, weight, bias)?.fitted ?? null;
  if (fitted === null) return null;
  const { filter, shape, sized } = fitted;
  const again =
    sameShape(shape, x.shape) &&
    imageLayout(x, mode) === sized.inputLayout &&
    filter.outputLayout(sized.inputLayout) === sized.outputLayout;
  return again ? fitted : null;
}

function outputOf({ filter, channelAxis, sized, outputShape }: FittedConv, y: Float32Array): Tensor {
  const layout = sized.outputLayout === 'channelsLast' ? channelAxis : ROW_MAJOR;
  const output = new Tensor(new Storage(y, layout), outputShape);
  if (sized.inputLayout === 'channelsFirst') storageOf(output).watch(filter.demand);
  return output;
}

/** What is done at every call. */
function applyFitted(fitted: FittedConv, x: Tensor, weight: Tensor, mode: Mode, operation: string): Prepared {
  const { filter, channelAxis, batch, sized } = fitted;
  const { binding, settings, bias } = filter;
  const { conv, geometry, inputLayout } = sized;
  const packed = filter.packed(sized, weight, mode, operation);
  const input = images(x, inputLayout, channelAxis, mode, operation);
  const y = allocateOutput(fitted.outputShape, operation, fitted.outputLength);
  const output = outputOf(fitted, y);
  if (recordingAny(x, weight, bias))
    recordConvolution(output, { operation, x, weight, bias, settings, layout: channelAxis, batch, geometry });
  ownsMemory(output);
  return batch === 0 ? finished(output) : new ConvCall(binding, conv, packed, input, output, y, batch);
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
