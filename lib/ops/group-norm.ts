// Normalisation of one image at a time: group normalisation (Wu, He 2018) over groups of channels, instance normalisation
// (Ulyanov, Vedaldi, Lempitsky 2016) over each channel alone.

import { wrongShape } from '../errors.js';
import { mutate } from '../tensor/autograd.js';
import { elementCount, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { NO_ACTIVATION } from './activation.js';
import { constants, parseRunning, type Running } from './batch-norm.js';
import { checkTensor, type Mode } from './inputs.js';
import { checkSeveral, mix, type NormParameters, parseEpsilon, perChannel } from './norm-options.js';
import { prepareNormalization, type Statistics } from './normalize.js';
import { flag, knownOptions, wholeNumber } from './options.js';
import { type Prepared, runNow } from './run.js';

export interface GroupNormOptions extends NormParameters {
  /** In how many groups of neighbours the channels are normalised. */
  numGroups: number;
  /** Added to the variance; 1e-5. */
  eps?: number;
}

export interface ImageNormCall {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly epsilon: number;
}

/** A positive number of groups. */
export const parseGroups = (value: unknown, operation: string): number =>
  wholeNumber(value, 1, 'numGroups', 'numGroups must be a positive integer', operation);

/**
 * x [N, C, ...] with each group of C / numGroups neighbouring channels of every image brought to mean 0 and variance 1, times
 * weight [C], plus bias [C].
 *
 * @throws ShapeError where sizes disagree, or a group has but one number.
 * @example
 * const x = Tensor.from([[[1, 3], [5, 7]]]); // an image of 2 channels
 * ops.groupNorm(x, { numGroups: 2, eps: 0 }).toArray(); // [[[-1, 1], [-1, 1]]]
 */
export function groupNorm(x: Tensor, options: GroupNormOptions): Tensor {
  const operation = 'groupNorm';
  const given = knownOptions(options, ['numGroups', 'weight', 'bias', 'eps'], operation);
  checkTensor(x, 'x', operation);
  const groups = parseGroups(given.numGroups, operation);
  const channels = x.shape[1] ?? 0;
  const call = {
    weight: perChannel(given.weight, 'weight', channels, operation),
    bias: perChannel(given.bias, 'bias', channels, operation),
    epsilon: parseEpsilon(given.eps, operation),
  };
  return runNow(prepareGroupNorm(x, groups, call, 'now', operation));
}

export function prepareGroupNorm(
  x: Tensor,
  groups: number,
  call: ImageNormCall,
  mode: Mode,
  operation: string,
): Prepared {
  const { shape } = x;
  if (shape.length < 2 || shape[1] === 0) {
    throw wrongShape(operation, `x must be [N, C, ...], but got input of size: ${showShape(shape)}`);
  }
  const [batch, channels] = shape;
  if (channels % groups !== 0) {
    throw wrongShape(
      operation,
      `Expected number of channels in input to be divisible by num_groups, but got input of shape ${showShape(shape)} and num_groups=${groups}`,
    );
  }
  const positions = elementCount(shape.slice(2));
  if (batch > 0) checkSeveral(batch * positions * (channels / groups), 'value per channel', x, operation);
  return prepareNormalization({
    ...call,
    x,
    channelAxis: 1,
    extent: { batch, positions, channels, groups },
    residual: null,
    activation: NO_ACTIVATION,
    given: null,
    tell: null,
    mode,
    operation,
  });
}

export interface InstanceNormOptions extends NormParameters {
  /** [channels]: the mean to normalise by unless by the images' own; otherwise it is brought up to date. */
  runningMean?: Tensor | null;
  /** [channels]: the same of the variance. */
  runningVar?: Tensor | null;
  /** Whether to normalise by each image's own statistics; true. */
  useInputStats?: boolean;
  /** The share of the images' statistics in the running ones; 0.1. */
  momentum?: number;
  /** Added to the variance; 1e-5. */
  eps?: number;
}

export interface InstanceNormCall extends ImageNormCall {
  readonly running: Running;
  /** Whether by each image's own statistics. */
  readonly own: boolean;
  /** Whether x is one image, [C, ...]. */
  readonly single: boolean;
}

const INSTANCE = ['weight', 'bias', 'runningMean', 'runningVar', 'useInputStats', 'momentum', 'eps'];

/**
 * x [N, C, ...] with every channel of every image brought to mean 0 and variance 1, times weight [C], plus bias [C]. Running
 * statistics, where given, are brought up to date with the mean of the images'.
 *
 * @throws ShapeError where sizes disagree, or there is but one position.
 * @example
 * ops.instanceNorm(Tensor.from([[[1, 3], [5, 7]]]), { eps: 0 }).toArray(); // [[[-1, 1], [-1, 1]]]
 */
export function instanceNorm(x: Tensor, options?: InstanceNormOptions): Tensor {
  const operation = 'instanceNorm';
  const given = knownOptions(options, INSTANCE, operation);
  checkTensor(x, 'x', operation);
  const channels = x.shape[1] ?? 0;
  const call: InstanceNormCall = {
    weight: perChannel(given.weight, 'weight', channels, operation),
    bias: perChannel(given.bias, 'bias', channels, operation),
    running: parseRunning(given, channels, operation),
    own: flag(given.useInputStats ?? true, 'useInputStats', operation),
    epsilon: parseEpsilon(given.eps, operation),
    single: false,
  };
  return runNow(prepareInstanceNorm(x, call, 'now', operation));
}

export function prepareInstanceNorm(
  x: Tensor,
  call: InstanceNormCall,
  mode: Mode,
  operation: string,
): Prepared {
  const { running, own, single } = call;
  const { shape } = x;
  const channelAxis = single ? 0 : 1;
  if (shape.length < channelAxis + 2 || shape[channelAxis] === 0) {
    throw wrongShape(operation, `x must be [N, C, ...], but got input of size: ${showShape(shape)}`);
  }
  const batch = single ? 1 : shape[0];
  const channels = shape[channelAxis];
  const positions = elementCount(shape.slice(channelAxis + 1));
  if (own) checkSeveral(positions, 'spatial element', x, operation);
  return prepareNormalization({
    ...call,
    x,
    channelAxis,
    extent: own
      ? { batch, positions, channels, groups: channels }
      : { batch: 1, positions: batch * positions, channels, groups: channels },
    residual: null,
    activation: NO_ACTIVATION,
    given: own ? null : constants(running, operation),
    tell:
      running.mean === null && running.variance === null
        ? null
        : (statistics) => update(running, statistics, batch, positions, operation),
    mode,
    operation,
  });
}

/** Running statistics take the mean over the images. */
function update(
  running: Running,
  { mean, variance }: Statistics,
  batch: number,
  positions: number,
  operation: string,
): void {
  const momentum = running.momentum();
  const average = (values: Float32Array, c: number): number => {
    let sum = 0;
    for (let i = c; i < values.length; i += values.length / batch) sum += values[i];
    return sum / batch;
  };
  const correction = positions / (positions - 1);
  if (running.mean !== null)
    mutate(running.mean, (data) => mix(data, momentum, (c) => average(mean, c)), operation);
  if (running.variance !== null) {
    mutate(
      running.variance,
      (data) => mix(data, momentum, (c) => average(variance, c) * correction),
      operation,
    );
  }
}
