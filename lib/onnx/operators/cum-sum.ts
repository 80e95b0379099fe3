// Running sums along a dimension, each one chain of additions from its first element on: a matrix of ones and zeros times
// the elements, block by block, of which each begins with the sum of those before it. An infinite element leaves no numbers in its
// block, since it is multiplied by zeros too.

import { parseLinearOptions, prepareLinear } from '../../ops/linear.js';
import { permute } from '../../ops/permute-tensor.js';
import { concat } from '../../ops/rearrange.js';
import { runNow } from '../../ops/run.js';
import { slice } from '../../ops/slice.js';
import { elementCount } from '../../tensor/shape.js';
import { ROW_MAJOR } from '../../tensor/storage.js';
import { type Tensor, wrap } from '../../tensor/tensor.js';
import { axisIn } from '../axes.js';
import { type Builder, type Built, hostAt, hosts, layer, type Node, tensorAt } from '../node.js';
import { remapped } from './moves.js';

/** Elements that one product sums. */
const BLOCK = 256;
/** Matrices, of as many sizes of the dimension. */
const KEPT = 16;
const LINEAR = parseLinearOptions({}, 'linear');

interface Settings {
  readonly axis: number;
  /** Whether an element is left out of its own sum. */
  readonly exclusive: boolean;
  /** Whether sums begin with the last element. */
  readonly reverse: boolean;
}

export const cumSum: Builder = (node) => {
  node.needs(2);
  const axis = node.number(1, 'axis') ?? 0;
  const settings = {
    axis,
    exclusive: node.int('exclusive', 0) !== 0,
    reverse: node.int('reverse', 0) !== 0,
  };
  node.described = `axis=${axis}`;
  return node.beside(0) ? ofHosts(node, settings) : ofTensors(settings);
};

function ofHosts(node: Node, { axis, exclusive, reverse }: Settings): Built {
  return hosts((inputs, memory) => {
    const { type, shape, values } = hostAt(inputs, 0);
    const at = axisIn(axis, shape.length, 'CumSum');
    const made = memory.make(type, shape, node.fail);
    const [size, inner] = [shape[at], elementCount(shape.slice(at + 1))];
    for (let first = 0; first < values.length; first++) {
      if (Math.floor(first / inner) % size !== 0) continue;
      let total = 0;
      for (let i = 0; i < size; i++) {
        const place = first + (reverse ? size - 1 - i : i) * inner;
        const before = total;
        total = type === 'float' ? Math.fround(total + values[place]) : total + values[place];
        made.values[place] = exclusive ? before : total;
      }
    }
    return [made];
  });
}

function ofTensors({ axis, exclusive, reverse }: Settings): Built {
  const known = new Map<string, Tensor>();
  /** Row i sums the first i elements, and the sum before them where one is `carried`. */
  const triangle = (count: number, carried: number): Tensor => {
    const key = `${count}, ${carried}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const columns = count + carried;
    const ones = new Float32Array((count + 1) * columns);
    for (let i = 0; i <= count; i++) ones.fill(1, i * columns, i * columns + i + carried);
    const made = wrap(ones, ROW_MAJOR, [count + 1, columns]);
    if (known.size < KEPT) known.set(key, made);
    return made;
  };
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const dim = x.shape.length - 1;
    const at = axisIn(axis, x.shape.length, 'CumSum');
    const size = x.shape[at];
    if (elementCount(x.shape) === 0) return x;
    const turned = (tensor: Tensor): Tensor => {
      const last = new Map([[at, Int32Array.from({ length: size }, (_, i) => size - 1 - i)]]);
      return reverse ? remapped(tensor, last, 'CumSum') : tensor;
    };
    /** The dimension and the last one change places: the same, forth and back. */
    const swapped = (tensor: Tensor): Tensor => {
      const dims = [...x.shape.keys()].with(at, dim).with(dim, at);
      return at === dim ? tensor : permute(tensor, { dims });
    };
    const rows = swapped(turned(x));
    const sums: Tensor[] = [];
    let before: Tensor[] = [];
    for (let start = 0; start < size; start += BLOCK) {
      const count = Math.min(BLOCK, size - start);
      const block = slice(rows, { dim, start, end: start + count });
      const given = concat([...before, block], { dim });
      const weight = triangle(count, before.length);
      const made = runNow(prepareLinear(given, weight, null, LINEAR, 'now', 'linear'));
      const own = exclusive ? 0 : 1;
      sums.push(slice(made, { dim, start: own, end: own + count }));
      before = [slice(made, { dim, start: count, end: count + 1 })];
    }
    return turned(swapped(concat(sums, { dim })));
  });
}
