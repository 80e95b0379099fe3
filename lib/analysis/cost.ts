// What layers cost: parameters, multiply-accumulates, floating-point operations, and what the alternatives would cost.

import { show, wrongType, wrongValue } from '../errors.js';
import { Module } from '../nn/module.js';
import { checkDivisible } from '../nn/weighted-layer.js';
import type { Padding1d } from '../ops/conv-options.js';
import { flag, knownOptions, type PerDimension, perDimension, wholeNumber } from '../ops/options.js';
import { checkedShape, elementCount } from '../tensor/shape.js';
import { record } from './record.js';
import { KERNEL, outputSize as outputSizeOf, SIZE } from './sizes.js';
import { macsOf } from './step-cost.js';

/** A convolution by its numbers. A number for a size per dimension means two dimensions unless a list beside it says how many. */
export interface ConvDescription {
  inChannels: number;
  outChannels: number;
  kernelSize: PerDimension;
  /** 1. */
  groups?: number;
  /** true. */
  bias?: boolean;
  /** Whether it is a transposed convolution; false. */
  transposed?: boolean;
}

/** A fully connected layer by its numbers. */
export interface LinearDescription {
  inFeatures: number;
  outFeatures: number;
  /** true. */
  bias?: boolean;
}

/** A convolution and its image: how large what comes out is, or what goes in. */
export interface PlacedConvDescription extends ConvDescription {
  /** Height and width of the output, or as many numbers as there are dimensions. */
  outputSize?: PerDimension;
  /** Of the input: the output's follows from stride, padding and dilation. A transposed convolution needs this one. */
  inputSize?: PerDimension;
  stride?: PerDimension;
  padding?: Padding1d;
  dilation?: PerDimension;
}

const CONV_NAMES = ['inChannels', 'outChannels', 'kernelSize', 'groups', 'bias', 'transposed'];
const PLACE_NAMES = ['outputSize', 'inputSize', 'stride', 'padding', 'dilation'];
const OUTPUT_SIZE = {
  name: 'outputSize',
  least: 1,
  law: 'output size should be greater than zero',
  unit: 1,
};

const count = (value: unknown, name: string, operation: string): number =>
  wholeNumber(value, 1, name, `${name} must be a positive integer`, operation);

const product = (values: readonly number[]): number => values.reduce((total, value) => total * value, 1);

/** The weights of a description, its biases, and how many dimensions it has. */
function weightsOf(
  description: PlacedConvDescription | LinearDescription,
  known: readonly string[],
  operation: string,
): { weights: number; biases: number; rank: number; kernel: number } {
  if (typeof description === 'object' && description !== null && 'inFeatures' in description) {
    const given = knownOptions(description, ['inFeatures', 'outFeatures', 'bias'], operation);
    const outputs = count(given.outFeatures, 'outFeatures', operation);
    const biases = flag(given.bias ?? true, 'bias', operation) ? outputs : 0;
    return {
      weights: count(given.inFeatures, 'inFeatures', operation) * outputs,
      biases,
      rank: 0,
      kernel: 1,
    };
  }
  const given = knownOptions(description, known, operation);
  const inputs = count(given.inChannels, 'inChannels', operation);
  const outputs = count(given.outChannels, 'outChannels', operation);
  const groups = count(given.groups ?? 1, 'groups', operation);
  checkDivisible('in_channels', inputs, groups, operation);
  checkDivisible('out_channels', outputs, groups, operation);
  const lists = [given.kernelSize, given.outputSize, given.inputSize, given.stride, given.dilation];
  const rank = lists.find(Array.isArray)?.length ?? 2;
  if (rank < 1 || rank > 3) throw wrongValue(operation, `there are 1 to 3 dimensions, not ${rank}`);
  const kernel = product(perDimension(given.kernelSize, rank, KERNEL, operation));
  const biases = flag(given.bias ?? true, 'bias', operation) ? outputs : 0;
  return { weights: (inputs / groups) * outputs * kernel, biases, rank, kernel };
}

/**
 * The number of parameters of a module, or of a convolution or fully connected layer described by its numbers:
 * outChannels * inChannels / groups * product of kernelSize, plus outChannels for the bias; inFeatures * outFeatures + outFeatures.
 * A parameter that a module has in two places counts once.
 *
 * @throws TypeError | RangeError where a number is not one.
 * @example
 * analysis.parameterCount({ inChannels: 64, outChannels: 128, kernelSize: 3 }); // 73856
 * analysis.parameterCount(new nn.Conv2d(3, 64, 7, { bias: false })); // 9408
 */
export function parameterCount(layer: Module | ConvDescription | LinearDescription): number {
  if (layer instanceof Module) {
    return layer.parameters().reduce((total, { shape }) => total + elementCount(shape), 0);
  }
  const { weights, biases } = weightsOf(layer, CONV_NAMES, 'parameterCount');
  return weights + biases;
}

/**
 * Multiply-accumulates. Of a described convolution, for one image: output positions * outChannels * inChannels / groups * product of
 * kernelSize (a transposed one: input positions instead); of a described fully connected layer inFeatures * outFeatures. Of a
 * module, for the whole batch of `inputShape`, the sum over the convolutions and fully connected layers in it.
 *
 * The additions of biases are not counted (as in PyTorch's FlopCounterMode and in fvcore; torchinfo counts them), nor are activations,
 * pooling and sums. A tap in the padding counts as any other.
 *
 * @throws TypeError | RangeError where a number is not one, or the image's size is not given.
 * @example
 * analysis.macs({ inChannels: 1, outChannels: 1, kernelSize: 3, inputSize: 5 }); // 81
 * analysis.macs(new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3 }), { inputShape: [1, 3, 224, 224] }); // 118013952
 */
export function macs(layer: Module, options: { inputShape: readonly number[] }): number;
export function macs(description: PlacedConvDescription | LinearDescription): number;
export function macs(
  layer: Module | PlacedConvDescription | LinearDescription,
  options?: { inputShape: readonly number[] },
): number {
  const operation = 'macs';
  if (layer instanceof Module) {
    const { inputShape } = knownOptions(options, ['inputShape'], operation);
    const { made } = record(layer, inputShape as readonly number[], operation);
    return made.reduce((total, each) => total + macsOf(each), 0);
  }
  const { weights, rank } = weightsOf(layer, [...CONV_NAMES, ...PLACE_NAMES], operation);
  return rank === 0 ? weights : weights * positionsOf(layer as PlacedConvDescription, rank, operation);
}

/** At how many positions each weight is used. */
function positionsOf(description: PlacedConvDescription, rank: number, operation: string): number {
  const { kernelSize, outputSize, inputSize, stride, padding, dilation, transposed = false } = description;
  const input =
    inputSize === undefined ? null : perDimension(inputSize, rank, { ...SIZE, name: 'inputSize' }, operation);
  if (flag(transposed, 'transposed', operation)) {
    if (input === null) throw wrongType(operation, 'a transposed convolution needs its inputSize');
    return product(input);
  }
  if (outputSize !== undefined) return product(perDimension(outputSize, rank, OUTPUT_SIZE, operation));
  if (input === null)
    throw wrongType(operation, "the image's size is missing", 'give inputSize or outputSize');
  return product(outputSizeOf({ size: input.slice(3 - rank), kernelSize, stride, padding, dilation }));
}

/**
 * Floating-point operations: 2 * {@link macs}, a multiplication and an addition each; biases and all else as there.
 *
 * @throws TypeError | RangeError as {@link macs}.
 * @example
 * analysis.flops({ inFeatures: 4096, outFeatures: 1000 }); // 8192000
 */
export function flops(layer: Module, options: { inputShape: readonly number[] }): number;
export function flops(description: PlacedConvDescription | LinearDescription): number;
export function flops(
  layer: Module | PlacedConvDescription | LinearDescription,
  options?: { inputShape: readonly number[] },
): number {
  return (
    2 * (layer instanceof Module ? macs(layer, options as { inputShape: readonly number[] }) : macs(layer))
  );
}

export interface DenseEquivalentOptions {
  /** One image, without a batch: all its elements are inputs. */
  inputShape: readonly number[];
  /** What comes out of one image: all its elements are outputs. */
  outputShape?: readonly number[];
  /** The number of outputs, instead of a shape. */
  outputs?: number;
  /** Whether each output has a bias; true. */
  bias?: boolean;
}

/** A fully connected layer's cost. */
export interface DenseCost {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly params: number;
  readonly macs: number;
  readonly flops: number;
}

/**
 * What a fully connected layer would cost instead of a convolution, as textbooks compare them: between all elements of an image and
 * all elements of what comes out of it, or with a given number of outputs. inFeatures * outFeatures multiply-accumulates and weights,
 * plus outFeatures biases. Given a layer and the shape of its input, batch included, the layer says what comes out.
 *
 * @throws TypeError | RangeError where a shape is not one, or both or neither of outputShape and outputs are given.
 * @example
 * analysis.denseEquivalent({ inputShape: [64, 32, 32], outputs: 128 }).macs; // 8388608
 * analysis.denseEquivalent(new nn.Conv2d(3, 8, 3), { inputShape: [1, 3, 16, 16] }).outFeatures; // 1568
 */
export function denseEquivalent(layer: Module, options: { inputShape: readonly number[] }): DenseCost;
export function denseEquivalent(options: DenseEquivalentOptions): DenseCost;
export function denseEquivalent(
  layer: Module | DenseEquivalentOptions,
  options?: { inputShape: readonly number[] },
): DenseCost {
  const operation = 'denseEquivalent';
  if (layer instanceof Module) {
    const { inputShape } = knownOptions(options, ['inputShape'], operation);
    const { calls, input } = record(layer, inputShape as readonly number[], operation);
    const output = calls[0].output;
    if (output === null) throw wrongValue(operation, 'the layer gave no Tensor');
    return dense(elementCount(input.shape.slice(1)), elementCount(output.shape.slice(1)), true);
  }
  const known = ['inputShape', 'outputShape', 'outputs', 'bias'];
  const { inputShape, outputShape, outputs, bias = true } = knownOptions(layer, known, operation);
  const inFeatures = elementCount(checkedShape(inputShape, operation));
  if ((outputShape === undefined) === (outputs === undefined)) {
    throw wrongType(
      operation,
      `expected one of outputShape and outputs, but got outputShape=${show(outputShape)} and outputs=${show(outputs)}`,
    );
  }
  const outFeatures =
    outputs === undefined
      ? elementCount(checkedShape(outputShape, operation))
      : count(outputs, 'outputs', operation);
  return dense(inFeatures, outFeatures, flag(bias, 'bias', operation));
}

function dense(inFeatures: number, outFeatures: number, bias: boolean): DenseCost {
  const weights = inFeatures * outFeatures;
  const params = weights + (bias ? outFeatures : 0);
  return { inFeatures, outFeatures, params, macs: weights, flops: 2 * weights };
}

/**
 * What a depthwise separable convolution costs, as a share of the full convolution it stands for, in multiply-accumulates and in
 * weights alike: depthMultiplier * (1 / outChannels + 1 / product of kernelSize) (Howard et al. 2017, MobileNets, section 3.1).
 * A number for kernelSize means two dimensions.
 *
 * @throws TypeError | RangeError where a number is not one.
 * @example
 * analysis.separableSaving({ outChannels: 64, kernelSize: 3 }); // 0.1267361111111111
 */
export function separableSaving(options: {
  outChannels: number;
  kernelSize: PerDimension;
  depthMultiplier?: number;
}): number {
  const operation = 'separableSaving';
  const known = ['outChannels', 'kernelSize', 'depthMultiplier'];
  const { outChannels, kernelSize, depthMultiplier = 1 } = knownOptions(options, known, operation);
  const rank = Array.isArray(kernelSize) ? kernelSize.length : 2;
  const kernel = product(perDimension(kernelSize, rank, KERNEL, operation));
  const outputs = count(outChannels, 'outChannels', operation);
  return count(depthMultiplier, 'depthMultiplier', operation) * (1 / outputs + 1 / kernel);
}
