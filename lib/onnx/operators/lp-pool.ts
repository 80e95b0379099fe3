// Pools of p-norms: the p-th root of the sum of a window's magnitudes to the power of p, which is the average's times the
// number of the window's positions.

import { mul } from '../../ops/arithmetic.js';
import { preparePool } from '../../ops/pool.js';
import { sum } from '../../ops/reduce.js';
import { runNow } from '../../ops/run.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type Builder, layer, type Node, tensorAt } from '../node.js';
import { magnitude } from './activation.js';
import { sliding } from './pool.js';
import { product, root } from './powers.js';

function normOf(node: Node): { powers: (x: Tensor) => Tensor; norm: (sums: Tensor) => Tensor } {
  const p = node.int('p', 2);
  if (!(p >= 1 && p <= MOST)) return node.fail(`has p=${p}; convkit does 1 to ${MOST}`);
  node.described = `p=${p}`;
  return {
    powers: (x) => product(p % 2 === 0 ? x : magnitude(x), p),
    norm: (sums) => (p === 1 ? sums : root(sums, 1 / p)),
  };
}

const MOST = 8;

/** Padding is of zeros, so that every window has as many positions. */
export const lpPool: Builder = (node) => {
  node.only('ceil_mode', 0);
  const { pool, rank } = sliding(node, 'average', true);
  const { powers, norm } = normOf(node);
  const positions = pool.kernelSize.reduce((count, size) => count * size, 1);
  return layer((inputs) => {
    const x = powers(tensorAt(inputs, 0));
    return norm(mul(runNow(preparePool(x, pool, rank, 'now', `lpPool${rank}d`)), positions));
  });
};

export const globalLpPool: Builder = (node) => {
  const { powers, norm } = normOf(node);
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const dim = x.shape.map((_, axis) => axis).slice(2);
    if (dim.length === 0) node.fail(`pools images, but x has ${x.shape.length} dimensions`);
    return norm(sum(powers(x), { dim, keepDim: true }));
  });
};
