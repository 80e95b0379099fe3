// Batch normalisation (Ioffe, Szegedy 2015): every channel by the mean and variance of a whole batch, or by running ones.

import type { Activation } from '../../binding.js';
import { wrongShape, wrongType } from '../errors.js';
import { mutate } from '../tensor/autograd.js';
import { elementCount, showShape } from '../tensor/shape.js';
import { logicalArray, type Tensor } from '../tensor/tensor.js';
import { parseActivation } from './activation.js';
import { checkTensor, type Mode } from './inputs.js';
import {
  checkSeveral,
  mix,
  type NormEpilogue,
  type NormParameters,
  parseEpsilon,
  parseMomentum,
  parseResidual,
  perChannel,
} from './norm-options.js';
import { prepareNormalization, type Statistics } from './normalize.js';
import { flag, knownOptions } from './options.js';
import { type Prepared, runNow } from './run.js';

export interface BatchNormOptions extends NormParameters, NormEpilogue {
  /** [channels]: the mean to normalise by unless training; in training it is brought up to date. */
  runningMean?: Tensor | null;
  /** [channels]: the same of the variance. */
  runningVar?: Tensor | null;
  /** Whether to normalise by the batch's own statistics; false. */
  training?: boolean;
  /** The share of the batch's statistics in the running ones; 0.1. */
  momentum?: number;
  /** Added to the variance; 1e-5. */
  eps?: number;
}

/** Running statistics, and how much of them a new batch becomes. */
export interface Running {
  readonly mean: Tensor | null;
  readonly variance: Tensor | null;
  /** Called once for each batch in training. */
  momentum(): number;
}

/** The running statistics that options name. */
export function parseRunning(
  given: Pick<BatchNormOptions, 'runningMean' | 'runningVar' | 'momentum'>,
  channels: number,
  operation: string,
): Running {
  const momentum = parseMomentum(given.momentum, operation);
  return {
    mean: perChannel(given.runningMean, 'runningMean', channels, operation),
    variance: perChannel(given.runningVar, 'runningVar', channels, operation),
    momentum: () => momentum,
  };
}

export interface BatchNormCall {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly running: Running;
  /** Whether by the batch's own statistics. */
  readonly training: boolean;
  readonly epsilon: number;
  readonly residual: Tensor | null;
  readonly activation: Activation;
}

const NAMES = [
  ...['weight', 'bias', 'runningMean', 'runningVar', 'training', 'momentum', 'eps'],
  ...['residual', 'activation', 'negativeSlope'],
];

/**
 * x [N, C, ...] with every channel brought to mean 0 and variance 1, times weight, plus bias. In training mean and variance
 * are the batch's own, and `runningMean` and `runningVar` are brought up to date in place: (1 - momentum) of the old and
 * momentum of the new, the variance with Bessel's correction. Otherwise they are `runningMean` and `runningVar`.
 *
 * Each element is one fused multiply-add, x * scale + shift, plus the residual, then the activation; see `normalize` in
 * binding.d.ts for how the statistics are summed. ReLU and ReLU6 cost the gradient nothing.
 *
 * @throws ShapeError where sizes disagree, or there is but one number per channel in training.
 * @example
 * const x = Tensor.from([[1], [3]]);
 * ops.batchNorm(x, { training: true, eps: 3 }).toArray(); // [[-0.5], [0.5]]
 */
export function batchNorm(x: Tensor, options?: BatchNormOptions): Tensor {
  const operation = 'batchNorm';
  const given = knownOptions(options, NAMES, operation);
  checkTensor(x, 'x', operation);
  const channels = channelsOf(x, operation);
  const call: BatchNormCall = {
    weight: perChannel(given.weight, 'weight', channels, operation),
    bias: perChannel(given.bias, 'bias', channels, operation),
    running: parseRunning(given, channels, operation),
    training: flag(given.training ?? false, 'training', operation),
    epsilon: parseEpsilon(given.eps, operation),
    residual: parseResidual(given.residual, x, operation),
    activation: parseActivation(given.activation, given.negativeSlope, operation),
  };
  return runNow(prepareBatchNorm(x, call, 'now', operation));
}

function channelsOf(x: Tensor, operation: string): number {
  if (x.shape.length < 2) {
    throw wrongShape(operation, `x must be [N, C, ...], but got input of size: ${showShape(x.shape)}`);
  }
  if (x.shape[1] === 0) {
    throw wrongShape(operation, `x must have channels, but got input of size: ${showShape(x.shape)}`);
  }
  return x.shape[1];
}

/** Everything but the computing of a batch normalisation whose parameters fit `x`. */
export function prepareBatchNorm(x: Tensor, call: BatchNormCall, mode: Mode, operation: string): Prepared {
  const { running, training } = call;
  const channels = channelsOf(x, operation);
  const count = elementCount(x.shape) / channels;
  if (training) checkSeveral(count, 'value per channel', x, operation);
  return prepareNormalization({
    ...call,
    x,
    channelAxis: 1,
    extent: { batch: 1, positions: count, channels, groups: channels },
    given: training ? null : constants(running, operation),
    tell:
      running.mean === null && running.variance === null
        ? null
        : (statistics) => update(running, statistics, count, operation),
    mode,
    operation,
  });
}

/** Copies of running statistics: a gradient reads them later. */
export function constants({ mean, variance }: Running, operation: string): Statistics {
  if (mean === null || variance === null) {
    throw wrongType(operation, 'Expected running_mean and running_var to be defined when training=False');
  }
  return {
    mean: logicalArray(mean, operation).slice(),
    variance: logicalArray(variance, operation).slice(),
  };
}

function update(running: Running, { mean, variance }: Statistics, count: number, operation: string): void {
  const momentum = running.momentum();
  const correction = count / (count - 1);
  if (running.mean !== null) mutate(running.mean, (data) => mix(data, momentum, (c) => mean[c]), operation);
  if (running.variance !== null) {
    mutate(running.variance, (data) => mix(data, momentum, (c) => variance[c] * correction), operation);
  }
}
