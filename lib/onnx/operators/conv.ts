// Convolutions, with weights that are initializers: convkit's own, by ONNX's names for their options.

import { prepareConv } from '../../ops/conv.js';
import type { ConvSettings } from '../../ops/conv-options.js';
import { type Padding, parseConvOptions } from '../../ops/conv-options.js';
import { prepareConvTranspose } from '../../ops/conv-transpose.js';
import { parseConvTransposeOptions } from '../../ops/conv-transpose-options.js';
import { type Builder, layer, type Node, tensorAt } from '../node.js';

/** A number for each dimension, or the usual one for all. */
export function perAxis(node: Node, name: string, rank: number, usual: number): number[] {
  const values = node.ints(name);
  if (values === undefined) return new Array<number>(rank).fill(usual);
  if (values.length !== rank) node.fail(`has ${name}=[${values.join(', ')}] for ${rank} dimensions`);
  return [...values];
}

/** All begins, then all ends, as pairs. */
export function padPairs(node: Node, rank: number): [number, number][] {
  const pads = perAxis(node, 'pads', 2 * rank, 0);
  return Array.from({ length: rank }, (_, axis) => [pads[axis], pads[axis + rank]]);
}

const AUTO_PADS = ['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'] as const;
export const autoPad = (node: Node) => node.word('auto_pad', 'NOTSET', AUTO_PADS);

function paddingOf(node: Node, rank: number): Padding {
  const rule = autoPad(node);
  if (rule === 'SAME_UPPER') return 'same';
  if (rule === 'SAME_LOWER') return 'same-lower';
  return rule === 'VALID' ? 'valid' : padPairs(node, rank);
}

/** Spatial dimensions of a weight, whose kernel is as large as the node says. */
function rankOf(node: Node, weight: readonly number[]): number {
  const rank = weight.length - 2;
  if (rank < 1 || rank > 3) node.fail(`has a weight of ${weight.length} dimensions; convkit does 3 to 5`);
  const kernel = perAxis(node, 'kernel_shape', rank, 0);
  if (node.has('kernel_shape') && kernel.some((size, axis) => size !== weight[axis + 2])) {
    node.fail(`has kernel_shape [${kernel.join(', ')}], but a weight [${weight.join(', ')}]`);
  }
  return rank;
}

function describe(node: Node, inputs: number, outputs: number, kernel: readonly number[]): void {
  const strides = node.ints('strides');
  const group = node.int('group', 1);
  node.described = [
    `${inputs}, ${outputs}, kernel=[${kernel.join(', ')}]`,
    ...(strides?.some((step) => step !== 1) ? [`strides=[${strides.join(', ')}]`] : []),
    ...(group === 1 ? [] : [`group=${group}`]),
  ].join(', ');
}

export const conv: Builder = (node) => {
  const weight = node.weight(1, 'weight');
  const bias = node.optionalWeight(2, 'bias');
  const rank = rankOf(node, weight.shape);
  const operation = `conv${rank}d`;
  const groups = node.int('group', 1);
  const settings = parseConvOptions(
    {
      stride: perAxis(node, 'strides', rank, 1),
      dilation: perAxis(node, 'dilations', rank, 1),
      padding: paddingOf(node, rank),
      groups,
    },
    rank,
    operation,
  );
  describe(node, weight.shape[1] * groups, weight.shape[0], weight.shape.slice(2));
  return layer((inputs, mode) => prepareConv(tensorAt(inputs, 0), weight, bias, settings, mode, operation));
};

export const convTranspose: Builder = (node) => {
  const weight = node.weight(1, 'weight');
  const bias = node.optionalWeight(2, 'bias');
  const rank = rankOf(node, weight.shape);
  const operation = `convTranspose${rank}d`;
  const groups = node.int('group', 1);
  const stride = perAxis(node, 'strides', rank, 1);
  const dilation = perAxis(node, 'dilations', rank, 1);
  const outputPadding = perAxis(node, 'output_padding', rank, 0);
  const rule = autoPad(node);
  const wanted = node.ints('output_shape') === undefined ? null : perAxis(node, 'output_shape', rank, 0);
  const parse = (padding: Padding): ConvSettings =>
    parseConvTransposeOptions({ stride, dilation, groups, padding, outputPadding }, rank, operation);
  describe(node, weight.shape[0], weight.shape[1] * groups, weight.shape.slice(2));
  if (wanted === null && !rule.startsWith('SAME')) {
    const settings = parse(rule === 'VALID' ? 0 : padPairs(node, rank));
    return layer((inputs, mode) =>
      prepareConvTranspose(tensorAt(inputs, 0), weight, bias, settings, null, mode, operation),
    );
  }
  // An output size asked for: how much is cut off follows from the input's
  parse(0);
  const known = new Map<string, ConvSettings>();
  return layer((inputs, mode) => {
    const x = tensorAt(inputs, 0);
    const size = x.shape.slice(2);
    const key = size.join();
    const settings = known.get(key) ?? parse(cutOff(size));
    if (known.size < SIZES_KEPT) known.set(key, settings);
    return prepareConvTranspose(x, weight, bias, settings, wanted, mode, operation);
  });

  function cutOff(size: readonly number[]): [number, number][] {
    return size.map((extent, axis) => {
      const window = (weight.shape[axis + 2] - 1) * dilation[axis] + 1;
      const output = wanted?.[axis] ?? extent * stride[axis];
      const total = Math.max(0, stride[axis] * (extent - 1) + outputPadding[axis] + window - output);
      const less = Math.floor(total / 2);
      return rule === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
    });
  }
};

const SIZES_KEPT = 64;
