// Products of two matrices that are both computed, as attention and correlations have them: each output a sum of products of
// elements, some rows at a time, so that the products before they are summed stay small. One matrix that is constant is a layer's weight
// instead (`linear.ts`).

import { mul } from '../../ops/arithmetic.js';
import { concat } from '../../ops/rearrange.js';
import { sum } from '../../ops/reduce.js';
import { slice } from '../../ops/slice.js';
import { elementCount, showShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { broadcastShape } from '../axes.js';
import type { Node } from '../node.js';

/** As many products are in memory at a time, where one row has no more. */
const MOST_PRODUCTS = 2 ** 20;

/**
 * a [..., M, K] times b [..., K, N], the dimensions before them broadcast, as NumPy's matmul has it: a vector is a row in front
 * and a column behind.
 */
export function matrixProduct(node: Node, a: Tensor, b: Tensor): Tensor {
  const { fail } = node;
  if (a.shape.length === 0 || b.shape.length === 0) fail('multiplies a single number');
  const left = a.shape.length === 1 ? a.reshape([1, ...a.shape]) : a;
  const right = b.shape.length === 1 ? b.reshape([...b.shape, 1]) : b;
  const [rows, inner] = left.shape.slice(-2);
  const [height, columns] = right.shape.slice(-2);
  if (inner !== height) fail(`multiplies ${showShape(a.shape)} by ${showShape(b.shape)}`);
  const batch = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2), node.operator);
  const factors = left.reshape([...left.shape, 1]);
  const others = right.reshape([...right.shape.slice(0, -2), 1, inner, columns]);
  const dim = factors.shape.length - 3;
  const some = Math.max(1, Math.floor(MOST_PRODUCTS / Math.max(1, elementCount(batch) * inner * columns)));
  const parts = Array.from({ length: Math.max(1, Math.ceil(rows / some)) }, (_, i) => {
    const part =
      rows <= some ? factors : slice(factors, { dim, start: i * some, end: Math.min(rows, (i + 1) * some) });
    return sum(mul(part, others), { dim: -2 });
  });
  const product = parts.length === 1 ? parts[0] : concat(parts, { dim: -2 });
  return product.reshape([
    ...batch,
    ...(a.shape.length === 1 ? [] : [rows]),
    ...(b.shape.length === 1 ? [] : [columns]),
  ]);
}
