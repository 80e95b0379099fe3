// How weights may begin, as `nn.init.*`: PyTorch's initialisers, which fill a tensor in place. Numbers depend on the seed and
// the element's index alone.

import { show, wrongType, wrongValue } from '../errors.js';
import { checkedSeed, nextStream, normalInto, type RandomStream, uniformInto } from '../numerics/philox.js';
import { truncatedNormalInto } from '../numerics/truncated.js';
import { knownOptions, oneOf } from '../ops/options.js';
import { mutate } from '../tensor/autograd.js';
import { showShape } from '../tensor/shape.js';
import { storageOf, Tensor } from '../tensor/tensor.js';
import { orthonormal } from './orthonormal.js';

export interface InitOptions {
  /** A whole number; without one, the next draw of `manualSeed`'s sequence. */
  seed?: number;
}

const NONLINEARITIES = [
  'linear',
  'conv1d',
  'conv2d',
  'conv3d',
  'sigmoid',
  'tanh',
  'relu',
  'leakyRelu',
  'selu',
] as const;

/** What follows a layer, as far as the size of its weights goes. */
export type Nonlinearity = (typeof NONLINEARITIES)[number];

/**
 * What weights are multiplied by so that numbers keep their size through a layer and what follows it: 1 for linear layers
 * and sigmoid, 5/3 for tanh, sqrt(2) for relu, sqrt(2 / (1 + param^2)) for leakyRelu of slope `param` (0.01), 3/4 for selu.
 *
 * @throws RangeError for another word.
 * @example
 * nn.init.calculateGain('leakyRelu', 1); // 1
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  const operation = 'calculateGain';
  const slope = number(param, 'param', operation);
  switch (oneOf(nonlinearity, NONLINEARITIES, 'nonlinearity', operation)) {
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.sqrt(2);
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + slope * slope));
    case 'selu':
      return 3 / 4;
    default:
      return 1;
  }
}

/** Every element `value`. @throws TypeError where it is no number. */
export function constant(tensor: Tensor, value: number): Tensor {
  if (typeof value !== 'number')
    throw wrongType('init.constant', `value must be a number, not ${show(value)}`);
  return fill(tensor, 'init.constant', (data) => data.fill(value));
}

/** Every element 0. */
export const zeros = (tensor: Tensor): Tensor => constant(tensor, 0);

/** Every element 1. */
export const ones = (tensor: Tensor): Tensor => constant(tensor, 1);

/**
 * Uniform in [a, b): [0, 1).
 *
 * @throws TypeError | RangeError where an option cannot be.
 */
export function uniform(tensor: Tensor, options?: InitOptions & { a?: number; b?: number }): Tensor {
  const operation = 'init.uniform';
  const { a = 0, b = 1, seed } = knownOptions(options, ['a', 'b', 'seed'], operation);
  const [from, to] = [number(a, 'a', operation), number(b, 'b', operation)];
  if (from > to)
    throw wrongValue(operation, `expects to return a [from, to) range, but found from=${a} > to=${b}`);
  return draw(tensor, operation, seed, (data, stream) => uniformInto(data, stream, from, to));
}

/**
 * Normal with `mean` (0) and standard deviation `std` (1).
 *
 * @throws TypeError | RangeError where an option cannot be.
 */
export function normal(tensor: Tensor, options?: InitOptions & { mean?: number; std?: number }): Tensor {
  const operation = 'init.normal';
  const { mean = 0, std = 1, seed } = knownOptions(options, ['mean', 'std', 'seed'], operation);
  const [centre, width] = [number(mean, 'mean', operation), number(std, 'std', operation, 0)];
  return draw(tensor, operation, seed, (data, stream) => normalInto(data, stream, centre, width));
}

/**
 * Normal with `mean` (0) and standard deviation `std` (1), given that it lies in [a, b]: [-2, 2].
 *
 * @throws TypeError | RangeError where an option cannot be.
 */
export function truncNormal(
  tensor: Tensor,
  options?: InitOptions & { mean?: number; std?: number; a?: number; b?: number },
): Tensor {
  const operation = 'init.truncNormal';
  const known = knownOptions(options, ['mean', 'std', 'a', 'b', 'seed'], operation);
  const { mean = 0, std = 1, a = -2, b = 2, seed } = known;
  const [centre, width] = [number(mean, 'mean', operation), number(std, 'std', operation, 0)];
  const [low, high] = [number(a, 'a', operation), number(b, 'b', operation)];
  if (!(low < high)) throw wrongValue(operation, `needs a < b, but got a=${a} and b=${b}`);
  if (width === 0) throw wrongValue(operation, 'std must be above 0');
  return draw(tensor, operation, seed, (data, stream) =>
    truncatedNormalInto(data, stream, centre, width, low, high),
  );
}

/**
 * Uniform in ±gain * sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio 2010).
 *
 * @throws TypeError | RangeError where an option cannot be, or the tensor has fewer than two dimensions.
 */
export function xavierUniform(tensor: Tensor, options?: InitOptions & { gain?: number }): Tensor {
  const operation = 'init.xavierUniform';
  const { gain = 1, seed } = knownOptions(options, ['gain', 'seed'], operation);
  const { fanIn, fanOut } = fansOf(tensor, operation);
  const bound = number(gain, 'gain', operation, 0) * Math.sqrt(6 / (fanIn + fanOut));
  return draw(tensor, operation, seed, (data, stream) => uniformInto(data, stream, -bound, bound));
}

/**
 * Normal with standard deviation gain * sqrt(2 / (fanIn + fanOut)) (Glorot and Bengio 2010).
 *
 * @throws TypeError | RangeError where an option cannot be, or the tensor has fewer than two dimensions.
 */
export function xavierNormal(tensor: Tensor, options?: InitOptions & { gain?: number }): Tensor {
  const operation = 'init.xavierNormal';
  const { gain = 1, seed } = knownOptions(options, ['gain', 'seed'], operation);
  const { fanIn, fanOut } = fansOf(tensor, operation);
  const deviation = number(gain, 'gain', operation, 0) * Math.sqrt(2 / (fanIn + fanOut));
  return draw(tensor, operation, seed, (data, stream) => normalInto(data, stream, 0, deviation));
}

export interface KaimingOptions extends InitOptions {
  /** The slope left of zero of the leakyRelu that follows; 0. */
  a?: number;
  /** Whether numbers keep their size forwards ('fanIn') or gradients backwards ('fanOut'); 'fanIn'. */
  mode?: 'fanIn' | 'fanOut';
  /** What follows; 'leakyRelu'. */
  nonlinearity?: Nonlinearity;
}

/**
 * Uniform in ±gain * sqrt(3 / fan), gain as {@link calculateGain} says (He et al. 2015). Convolutions and linear layers begin
 * so, with `a` of sqrt(5).
 *
 * @throws TypeError | RangeError where an option cannot be, or the tensor has fewer than two dimensions.
 * @example
 * const conv = new nn.Conv2d(3, 8, 3);
 * nn.init.kaimingUniform(conv.weight, { nonlinearity: 'relu', seed: 7 });
 */
export function kaimingUniform(tensor: Tensor, options?: KaimingOptions): Tensor {
  const operation = 'init.kaimingUniform';
  const { deviation, seed } = kaiming(tensor, options, operation);
  const bound = Math.sqrt(3) * deviation;
  return draw(tensor, operation, seed, (data, stream) => uniformInto(data, stream, -bound, bound));
}

/**
 * Normal with standard deviation gain / sqrt(fan) (He et al. 2015).
 *
 * @throws TypeError | RangeError where an option cannot be, or the tensor has fewer than two dimensions.
 */
export function kaimingNormal(tensor: Tensor, options?: KaimingOptions): Tensor {
  const operation = 'init.kaimingNormal';
  const { deviation, seed } = kaiming(tensor, options, operation);
  return draw(tensor, operation, seed, (data, stream) => normalInto(data, stream, 0, deviation));
}

/**
 * The rows of the tensor, as a matrix [first size, rest], are orthogonal and of length `gain` (1); its columns, where it has
 * fewer of those (Saxe et al. 2013). The time goes with the square of the shorter side.
 *
 * @throws TypeError | RangeError where an option cannot be, or the tensor has fewer than two dimensions.
 */
export function orthogonal(tensor: Tensor, options?: InitOptions & { gain?: number }): Tensor {
  const operation = 'init.orthogonal';
  const { gain = 1, seed } = knownOptions(options, ['gain', 'seed'], operation);
  const factor = number(gain, 'gain', operation);
  const { shape } = checked(tensor, operation);
  if (shape.length < 2) throw wrongValue(operation, 'only tensors with 2 or more dimensions are supported');
  return draw(tensor, operation, seed, (data, stream) => {
    normalInto(data, stream);
    orthonormal(data, shape[0], factor);
  });
}

function checked(tensor: unknown, operation: string): Tensor {
  if (tensor instanceof Tensor) return tensor;
  throw wrongType(operation, `the first argument must be a Tensor, not ${show(tensor)}`);
}

function number(value: unknown, name: string, operation: string, least = -Infinity): number {
  if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
  if (Number.isFinite(value) && value >= least) return value;
  throw wrongValue(
    operation,
    `${name} must be a finite number${least === 0 ? ' from 0 up' : ''}, not ${value}`,
  );
}

function fill(tensor: Tensor, operation: string, write: (data: Float32Array) => void): Tensor {
  storageOf(checked(tensor, operation)).overwritten();
  mutate(tensor, write, operation);
  return tensor;
}

const draw = (
  tensor: Tensor,
  operation: string,
  seed: number | undefined,
  write: (data: Float32Array, stream: RandomStream) => void,
): Tensor => {
  checked(tensor, operation);
  const stream = nextStream(seed === undefined ? undefined : checkedSeed(operation, seed));
  const storage = storageOf(tensor);
  if (!storage.pending) return fill(tensor, operation, (data) => write(data, stream));
  storage.later((data) => write(data, stream));
  storage.version++;
  return tensor;
};

/** Weights per input and per output of [outputs, inputs, ...window]. */
function fansOf(tensor: Tensor, operation: string): { fanIn: number; fanOut: number } {
  const { shape } = checked(tensor, operation);
  if (shape.length < 2) {
    throw wrongValue(
      operation,
      `fan in and fan out can not be computed for tensor with fewer than 2 dimensions, and it is ${showShape(shape)}`,
    );
  }
  const window = shape.slice(2).reduce((product, size) => product * size, 1);
  return { fanIn: shape[1] * window, fanOut: shape[0] * window };
}

function kaiming(
  tensor: Tensor,
  options: KaimingOptions | undefined,
  operation: string,
): { deviation: number; seed: number | undefined } {
  const known = knownOptions(options, ['a', 'mode', 'nonlinearity', 'seed'], operation);
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu', seed } = known;
  const fans = fansOf(tensor, operation);
  const fan = fans[oneOf(mode, ['fanIn', 'fanOut'] as const, 'mode', operation)];
  const follows = oneOf(nonlinearity, NONLINEARITIES, 'nonlinearity', operation);
  return { deviation: calculateGain(follows, number(a, 'a', operation)) / Math.sqrt(fan), seed };
}
