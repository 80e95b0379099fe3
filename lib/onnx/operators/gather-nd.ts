// Places along several dimensions together, as indexing with lists has them.

import { elementCount } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type Host, stridesOf } from '../host.js';
import { type Builder, hostAt, hosts, layer, tensorAt } from '../node.js';
import { remapped } from './moves.js';

/** Places along the first dimensions together: what adaptive pools that enlarge, and indexing with two lists, come out as. */
export const gatherNd: Builder = (node) => {
  node.only('batch_dims', 0);
  node.needs(2);
  if (!node.beside(1)) node.fail('has indices that are computed from tensors; convkit takes constant ones');
  /** Of the first `depth` dimensions as one: which position each index names. */
  const placesIn = ({ shape: sizes }: Tensor | Host, { shape, values }: Host): Int32Array => {
    const depth = shape.at(-1) ?? 0;
    if (depth < 1 || depth > sizes.length) {
      node.fail(`has indices of ${depth} dimensions, but x has ${sizes.length}`);
    }
    const strides = stridesOf(sizes.slice(0, depth));
    const place = (row: number): number =>
      strides.reduce((sum, stride, axis) => {
        const [at, size] = [values[row * depth + axis], sizes[axis]];
        if (!(at >= -size && at < size)) node.fail(`takes position ${at} of ${size}`);
        return sum + (at < 0 ? at + size : at) * stride;
      }, 0);
    return Int32Array.from({ length: values.length / depth }, (_, row) => place(row));
  };
  const madeShape = (x: readonly number[], { shape }: Host): number[] => [
    ...shape.slice(0, -1),
    ...x.slice(shape.at(-1)),
  ];
  if (node.beside(0)) {
    return hosts((inputs, memory) => {
      const [host, indices] = [hostAt(inputs, 0), hostAt(inputs, 1)];
      const from = placesIn(host, indices);
      const made = memory.make(host.type, madeShape(host.shape, indices), node.fail);
      const width = elementCount(host.shape.slice(indices.shape.at(-1)));
      from.forEach((at, row) => {
        made.values.set(host.values.subarray(at * width, (at + 1) * width), row * width);
      });
      return [made];
    });
  }
  return layer((inputs) => {
    const [x, indices] = [tensorAt(inputs, 0), hostAt(inputs, 1)];
    const from = placesIn(x, indices);
    const depth = indices.shape.at(-1) ?? 0;
    const flat = x.reshape([elementCount(x.shape.slice(0, depth)), ...x.shape.slice(depth)]);
    return remapped(flat, new Map([[0, from]]), 'GatherND').reshape(madeShape(x.shape, indices));
  });
};
