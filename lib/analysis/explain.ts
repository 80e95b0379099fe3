// One element of a convolution's output, taken apart: which inputs and weights made it, in the order in which they did.

import type { Activation } from '../../binding.js';
import { NO_TAP } from '../backend/reference/padding.js';
import { show, wrongType, wrongValue } from '../errors.js';
import type { Module } from '../nn/module.js';
import { fmaf } from '../numerics/fmaf.js';
import { prepareActivation } from '../ops/activate.js';
import { checkTensor } from '../ops/inputs.js';
import { wholeNumber } from '../ops/options.js';
import { runNow } from '../ops/run.js';
import { type ConvStep, observe } from '../ops/trace.js';
import { inspectCustom } from '../tensor/inspect.js';
import { showShape } from '../tensor/shape.js';
import { logicalArray, Tensor } from '../tensor/tensor.js';
import type { ExplainedTap, Parts } from './explained.js';
import { printExplanation } from './print-explanation.js';
import { checkNet, type Made } from './record.js';
import { sourcesOf } from './trace-fields.js';
import { winogradElement } from './winograd-element.js';

/** Numbers nested as [channel][...kernel]. */
export type PerTap<T> = (T | PerTap<T>)[];

export interface Explanation extends Parts {
  /** [channels of the group][...kernelSize]: the input under each tap; null where there is none. */
  readonly patch: PerTap<number | null>;
  /** [channels of the group][...kernelSize]: the weights. */
  readonly kernel: PerTap<number>;
  /** [channels of the group][...kernelSize]: patch times kernel; null where there is no input. */
  readonly products: PerTap<number | null>;
  /** The patch beside the kernel and the products, channel by channel, and the sum. */
  toString(): string;
}

/**
 * Which inputs and weights made one element of a convolution layer's output: the patch under the kernel, with the taps that lie in
 * padding marked; the kernel; their products; and the sum, in the order and with the rounding of the engine. `value` equals the
 * layer's own output bit for bit. Where the layer computes by Winograd's tiles, that is its tile's result: the sum of the taps, but
 * for rounding. Transposed convolutions too. Nothing else of the layer is computed.
 *
 * @param position the element: `[n, c, i, j]` of a 2-D layer's output, without n for unbatched input.
 * @throws TypeError | RangeError where the layer is not one convolution, or has no such output element.
 * @throws ShapeError where the layer does not take x.
 * @example
 * const conv = new nn.Conv2d(1, 1, 3, { padding: 1 });
 * conv.loadStateDict({ weight: Tensor.from([[[[0, 1, 0], [1, -4, 1], [0, 1, 0]]]]), bias: Tensor.from([0.5]) });
 * const x = Tensor.from([[[[1, 2], [3, 5]]]]);
 * const element = analysis.explain(conv, x, [0, 0, 1, 1]);
 * element.patch; // [[[1, 2, null], [3, 5, null], [null, null, null]]]
 * element.sum; // -14.5
 * element.value === conv.forward(x).toArray()[0][0][1][1]; // true
 * String(element); // prints patch, kernel, products and the sum
 */
export function explain(layer: Module, x: Tensor, position: readonly number[]): Explanation {
  const operation = 'explain';
  checkNet(layer, operation);
  checkTensor(x, 'x', operation);
  const made: Made[] = [];
  observe(
    (step, output) => {
      if (step.kind !== 'relabel') made.push({ step, output });
    },
    () => layer.forward(x),
  );
  const [first] = made;
  if (made.length !== 1 || first.step.kind !== 'conv') {
    const found = made.map(({ step }) => step.operation).join(', ') || 'no operation';
    throw wrongType(
      operation,
      `expected a layer of one convolution, but this one makes ${found}`,
      'explain its convolutions one by one, each with its own input',
    );
  }
  const { shape } = first.output;
  const parts = partsOf(first.step, checkedPosition(position, shape), shape);
  const text = () => printExplanation(parts);
  const explanation: Explanation = {
    ...parts,
    patch: nested(parts, ({ value }) => value),
    kernel: nested(parts, ({ weight }) => weight),
    products: nested(parts, ({ product }) => product),
    toString: text,
  };
  return Object.defineProperties(explanation, {
    toString: { value: text, enumerable: false },
    [inspectCustom]: { value: text, enumerable: false },
  });
}

function checkedPosition(position: unknown, shape: readonly number[]): number[] {
  const operation = 'explain';
  if (!Array.isArray(position) || position.length !== shape.length) {
    throw wrongType(
      operation,
      `position must be a list of ${shape.length} numbers for an output of ${showShape(shape)}, not ${show(position)}`,
    );
  }
  return Array.from(position, (at: unknown, axis) => {
    const index = wholeNumber(at, 0, 'position', 'position must not be negative', operation);
    if (index >= shape[axis]) {
      throw wrongValue(
        operation,
        `the output is ${showShape(shape)}, so there is no element ${showShape(position)}`,
      );
    }
    return index;
  });
}

function partsOf(step: ConvStep, position: readonly number[], outputShape: readonly number[]): Parts {
  const { geometry, rank, operation, inputs, weight, bias: biases } = step;
  const { inChannels, outChannels, groups, inputSize, kernelSize, transposed } = geometry;
  const channelAxis = outputShape.length - rank - 1;
  const image = channelAxis === 1 ? position[0] : 0;
  const outChannel = position[channelAxis];
  const groupInputs = inChannels / groups;
  const groupOutputs = outChannels / groups;
  const firstInput = Math.floor(outChannel / groupOutputs) * groupInputs;
  const x = logicalArray(inputs[0], operation);
  const weights = logicalArray(weight, operation);
  const [, kernelHeight, kernelWidth] = kernelSize;
  const kernelTaps = kernelSize[0] * kernelHeight * kernelWidth;

  /** Along each axis, what lies under each tap. */
  const unit = [0, 0, 0].map((_, axis) =>
    axis < 3 - rank ? 0 : position[channelAxis + 1 + axis - (3 - rank)],
  );
  const sources = unit.map((at, axis) => {
    const count = kernelSize[axis];
    return sourcesOf(geometry, axis).subarray(at * count, (at + 1) * count);
  });
  const outside = (axis: number, tap: number): boolean => {
    const begin = geometry.padBegin[axis];
    const reach = geometry.dilation[axis] * tap;
    if (transposed) return sources[axis][tap] === NO_TAP;
    const at = unit[axis] * geometry.stride[axis] + reach - begin;
    return at < 0 || at >= inputSize[axis];
  };

  const taps: ExplainedTap[] = [];
  let total = 0;
  for (let tap = 0; tap < kernelTaps; tap++) {
    const place = [
      Math.floor(tap / (kernelHeight * kernelWidth)),
      Math.floor(tap / kernelWidth) % kernelHeight,
      tap % kernelWidth,
    ];
    const from = place.map((k, axis) => sources[axis][k]);
    const missing = from.includes(NO_TAP);
    const padded = place.some((k, axis) => outside(axis, k));
    for (let c = 0; c < groupInputs; c++) {
      const channel = firstInput + c;
      const filter = transposed
        ? channel * groupOutputs + (outChannel % groupOutputs)
        : outChannel * groupInputs + c;
      const factor = weights[filter * kernelTaps + tap];
      const at = from.reduce(
        (index, source, axis) => index * inputSize[axis] + source,
        image * inChannels + channel,
      );
      const value = missing ? null : x[at];
      if (value !== null) total = fmaf(value, factor, total);
      taps.push({
        kernel: place.slice(3 - rank),
        channel,
        input: missing ? null : from.slice(3 - rank),
        padded,
        value,
        weight: factor,
        product: value === null ? null : value * factor,
        total,
      });
    }
  }
  const bias = biases === null ? null : logicalArray(biases, operation)[outChannel];
  const sum = Math.fround(total + ((bias ?? 0) + 0)); // a bias of -0 counts as +0
  const { activation, algorithm } = geometry;
  return {
    operation,
    algorithm,
    position,
    outputShape,
    kernelSize: kernelSize.slice(3 - rank),
    taps,
    total,
    bias,
    sum,
    activation: activation.kind,
    value:
      algorithm === 'direct'
        ? activated(sum, activation)
        : winogradElement(step, algorithm, image, outChannel, [unit[0], unit[1], unit[2]]),
  };
}

const activated = (sum: number, activation: Activation): number =>
  activation.kind === 'none'
    ? sum
    : runNow(prepareActivation(Tensor.from([sum]), activation, 'now', activation.kind)).item();

/** A number of each tap, from the order of the sum into lists. */
function nested<T>({ taps, kernelSize }: Parts, of: (tap: ExplainedTap) => T): PerTap<T> {
  const kernelTaps = kernelSize.reduce((count, size) => count * size, 1);
  const channels = taps.length / kernelTaps;
  const build = (sizes: readonly number[], start: number, span: number): PerTap<T> => {
    const [size, ...rest] = sizes;
    const step = span / size;
    return Array.from({ length: size }, (_, i) =>
      rest.length === 0 ? of(taps[start + i * step]) : build(rest, start + i * step, step),
    );
  };
  return Array.from({ length: channels }, (_, channel) => build(kernelSize, channel, taps.length));
}
