// Normalisation. That of batches is by its running statistics, as in inference; the others take each image's own.

import { wrongShape } from '../../errors.js';
import { NO_ACTIVATION } from '../../ops/activation.js';
import { add, mul } from '../../ops/arithmetic.js';
import { type BatchNormCall, prepareBatchNorm } from '../../ops/batch-norm.js';
import { prepareGroupNorm, prepareInstanceNorm } from '../../ops/group-norm.js';
import { parseLocalResponse, prepareLocalResponse } from '../../ops/local-response.js';
import { runNow } from '../../ops/run.js';
import { elementCount, showShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { axisIn } from '../axes.js';
import { Host } from '../host.js';
import { type Builder, layer, type Node, tensorAt } from '../node.js';
import { remapped } from './moves.js';

const channelsOf = (node: Node): number => node.constant(1)?.shape[0] ?? 0;

export const batchNormalization: Builder = (node) => {
  if (node.int('training_mode', 0) !== 0) {
    // Weights are standardised so: each output channel by its own statistics
    if (node.constant(0)?.shape[0] === 1) return instanceNormalization(node);
    node.fail('is in training mode; convkit reads networks for inference', 'export after eval()');
  }
  if (node.int('spatial', 1) !== 1) node.fail('has spatial=0; convkit normalises channels');
  const channels = channelsOf(node);
  const call: BatchNormCall = {
    weight: node.channels(1, 'weight', channels),
    bias: node.channels(2, 'bias', channels),
    running: {
      mean: node.channels(3, 'running_mean', channels),
      variance: node.channels(4, 'running_var', channels),
      momentum: () => 0,
    },
    training: false,
    epsilon: node.float('epsilon', 1e-5),
    residual: null,
    activation: NO_ACTIVATION,
  };
  node.described = `${channels}`;
  return layer((inputs, mode) => {
    const x = tensorAt(inputs, 0);
    if (x.shape[1] !== channels) {
      throw wrongShape('batchNorm', `x ${showShape(x.shape)} has not the ${channels} channels of the weight`);
    }
    return prepareBatchNorm(x, call, mode, 'batchNorm');
  });
};

export const instanceNormalization: Builder = (node) => {
  const channels = channelsOf(node);
  const call = {
    weight: node.channels(1, 'weight', channels),
    bias: node.channels(2, 'bias', channels),
    epsilon: node.float('epsilon', 1e-5),
    running: { mean: null, variance: null, momentum: () => 0 },
    own: true,
    single: false,
  };
  node.described = `${channels}`;
  return layer((inputs, mode) => prepareInstanceNorm(tensorAt(inputs, 0), call, mode, 'instanceNorm'));
};

/** Scale and bias have a number for each channel from opset 21 on, and one for each group before. */
export const groupNormalization: Builder = (node) => {
  const groups = node.int('num_groups', 0);
  const given = channelsOf(node);
  if (groups < 1) node.fail(`has num_groups=${groups}`);
  const weight = node.channels(1, 'weight', given);
  const bias = node.channels(2, 'bias', given);
  const epsilon = node.float('epsilon', 1e-5);
  node.described = `${groups}, ${given}`;
  if (node.opset < 21) {
    if (given !== groups) node.fail(`has ${given} scales for ${groups} groups`);
    return layer((inputs) => {
      const x = tensorAt(inputs, 0);
      const call = { weight: null, bias: null, epsilon };
      const rows = runNow(prepareGroupNorm(x, groups, call, 'now', 'groupNorm')).reshape([
        x.shape[0],
        groups,
        -1,
      ]);
      return add(mul(rows, weight.reshape([groups, 1])), bias.reshape([groups, 1])).reshape(x.shape);
    });
  }
  return layer((inputs, mode) => {
    const x = tensorAt(inputs, 0);
    if (x.shape[1] !== given) {
      throw wrongShape('groupNorm', `x ${showShape(x.shape)} has not the ${given} channels of the weight`);
    }
    return prepareGroupNorm(x, groups, { weight, bias, epsilon }, mode, 'groupNorm');
  });
};

/** The last dimensions together, from `axis` on: groups of one, a row each. */
export const layerNormalization: Builder = (node) => {
  const flat = (host: Host): Host => new Host('float', [elementCount(host.shape)], host.values);
  const weight = node.weight(1, 'weight', flat);
  const bias = node.present(2) ? node.weight(2, 'bias', flat) : null;
  const size = weight.shape[0];
  if (bias !== null && bias.shape[0] !== size) node.fail(`has ${size} scales and ${bias.shape[0]} biases`);
  const axis = node.int('axis', -1);
  const call = { weight, bias, epsilon: node.float('epsilon', 1e-5) };
  node.described = `${size}`;
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const first = axisIn(axis, x.shape.length, 'LayerNormalization');
    if (elementCount(x.shape.slice(first)) !== size) {
      throw wrongShape(
        'layerNorm',
        `the last dimensions of x ${showShape(x.shape)}, from ${first} on, are not ${size}`,
      );
    }
    const rows = x.reshape([elementCount(x.shape.slice(0, first)), size]);
    return runNow(prepareGroupNorm(rows, 1, call, 'now', 'layerNorm')).reshape(x.shape);
  });
};

/** Of an even number of channels one more lies behind the middle here, and before it in torch: channels are turned round. */
export const localResponseNormalization: Builder = (node) => {
  const size = node.int('size', 0);
  const settings = parseLocalResponse(
    size,
    { alpha: node.float('alpha', 1e-4), beta: node.float('beta', 0.75), k: node.float('bias', 1) },
    'localResponseNorm',
  );
  node.described = `${size}`;
  if (size % 2 === 1) {
    return layer((inputs, mode) =>
      prepareLocalResponse(tensorAt(inputs, 0), settings, mode, 'localResponseNorm'),
    );
  }
  const turned = (x: Tensor): Tensor =>
    remapped(x, new Map([[1, Int32Array.from({ length: x.shape[1] }, (_, i) => x.shape[1] - 1 - i)]]), 'LRN');
  return layer((inputs) =>
    turned(runNow(prepareLocalResponse(turned(tensorAt(inputs, 0)), settings, 'now', 'localResponseNorm'))),
  );
};
