// Pooling: windows that slide, and whole images.

import { wrongShape } from '../../errors.js';
import { toTriple } from '../../ops/options.js';
import { preparePool } from '../../ops/pool.js';
import type { AdaptivePool, SlidingPool } from '../../ops/pool-geometry.js';
import { showShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type Builder, layer, type Node, tensorAt } from '../node.js';
import { autoPad, padPairs, perAxis } from './conv.js';

/** The windows that a node's attributes say. */
export function sliding(
  node: Node,
  kind: SlidingPool['kind'],
  countIncludePad: boolean,
): { pool: SlidingPool; rank: number } {
  const rank = node.ints('kernel_shape')?.length ?? 0;
  if (rank < 1 || rank > 3) node.fail(`has a kernel_shape of ${rank} dimensions; convkit does 1 to 3`);
  const positive = (name: string): number[] => {
    const values = perAxis(node, name, rank, 1);
    if (values.some((value) => value < 1 || value >= 2 ** 31))
      node.fail(`has ${name}=[${values.join(', ')}]`);
    return values;
  };
  const kernel = positive('kernel_shape');
  const strides = positive('strides');
  const pairs = padPairs(node, rank);
  if (pairs.flat().some((pad) => pad < 0 || pad >= 2 ** 31))
    node.fail(`has pads [${node.ints('pads')?.join(', ')}]`);
  const rule = autoPad(node);
  const explicit = rule === 'VALID' ? pairs.map((): [number, number] => [0, 0]) : pairs;
  const pool: SlidingPool = {
    kind,
    kernelSize: toTriple(kernel, 1),
    stride: toTriple(strides, 1),
    dilation: toTriple(positive('dilations'), 1),
    padding:
      rule === 'SAME_UPPER'
        ? 'same'
        : rule === 'SAME_LOWER'
          ? 'same-lower'
          : {
              begin: toTriple(
                explicit.map(([begin]) => begin),
                0,
              ),
              end: toTriple(
                explicit.map(([, end]) => end),
                0,
              ),
            },
    ceilMode: node.int('ceil_mode', 0) !== 0,
    countIncludePad,
  };
  node.described = `kernel=[${kernel.join(', ')}], strides=[${strides.join(', ')}]`;
  return { pool, rank };
}

export const maxPool: Builder = (node) => {
  node.only('storage_order', 0);
  const { pool, rank } = sliding(node, 'max', true);
  return layer((inputs, mode) => preparePool(tensorAt(inputs, 0), pool, rank, mode, `maxPool${rank}d`));
};

export const averagePool: Builder = (node) => {
  const { pool, rank } = sliding(node, 'average', node.int('count_include_pad', 0) !== 0);
  return layer((inputs, mode) => preparePool(tensorAt(inputs, 0), pool, rank, mode, `avgPool${rank}d`));
};

const WHOLE: Readonly<Record<'average' | 'max', AdaptivePool>> = {
  average: { kind: 'adaptiveAverage', outputSize: [1, 1, 1] },
  max: { kind: 'adaptiveMax', outputSize: [1, 1, 1] },
};

/** Pooling of whole images, for operations that come down to it. */
export function wholeImages(kind: 'average' | 'max', x: Tensor, mode: 'now' | 'background') {
  const rank = x.shape.length - 2;
  if (rank < 1 || rank > 3) {
    throw wrongShape(
      'globalPool',
      `x must be [N, C, ...] with 1 to 3 spatial dimensions, but is ${showShape(x.shape)}`,
    );
  }
  return preparePool(x, WHOLE[kind], rank, mode, kind === 'average' ? 'globalAveragePool' : 'globalMaxPool');
}

export const globalPool =
  (kind: 'average' | 'max'): Builder =>
  () =>
    layer((inputs, mode) => wholeImages(kind, tensorAt(inputs, 0), mode));
