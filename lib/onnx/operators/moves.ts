// Operators that move elements and compute nothing: other shapes, other orders, parts, copies. Each works on tensors and on
// shapes.

import { permute } from '../../ops/permute-tensor.js';
import { concat } from '../../ops/rearrange.js';
import { prepareRemap, remappedLayout, remappedShape, type Sources } from '../../ops/remap.js';
import { runNow } from '../../ops/run.js';
import { slice } from '../../ops/slice.js';
import { traced, tracing } from '../../ops/trace.js';
import { elementCount, sameShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import {
  axesIn,
  axisIn,
  broadcastShape,
  orderOf,
  positions,
  reshaped,
  squeezed,
  type Taken,
  taken,
  unsqueezed,
} from '../axes.js';
import { all, concatHosts, expandHost, permuteHost, pickHost, reshapeHost } from '../host-moves.js';
import {
  type Builder,
  type Built,
  hostAt,
  hosts,
  type Inputs,
  layer,
  type Node,
  numbersAt,
  tensorAt,
} from '../node.js';
import { allBeside } from './beside.js';

/** Positions of x moved, as by `Sources`. */
export function remapped(x: Tensor, sources: Sources, operation: string): Tensor {
  const moves = [...sources].filter(
    ([axis, from]) => from.length !== x.shape[axis] || from.some((at, i) => at !== i),
  );
  if (moves.length === 0) return x;
  const real: Sources = new Map(moves);
  if (tracing()) {
    return traced(
      { kind: 'other', operation, inputs: [x] },
      remappedShape(x.shape, real),
      remappedLayout(x, real),
    ).output;
  }
  return runNow(prepareRemap(x, real, 0, 'now', operation));
}

/** The same elements in a shape that follows from theirs. */
function reshaping(
  node: Node,
  shapeFor: (shape: readonly number[], inputs: Inputs) => readonly number[],
): Built {
  if (node.beside(0)) {
    return hosts((inputs) => {
      const host = hostAt(inputs, 0);
      return [reshapeHost(host, shapeFor(host.shape, inputs), node.operator)];
    });
  }
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const shape = shapeFor(x.shape, inputs);
    return sameShape(shape, x.shape) ? x : x.reshape(shape);
  });
}

export const reshape: Builder = (node) => {
  const attribute = node.ints('shape');
  const zeros = node.int('allowzero', 0) !== 0;
  if (attribute === undefined && !node.beside(1)) node.fail('has a shape that is no shape but a tensor');
  return reshaping(node, (shape, inputs) =>
    reshaped(shape, attribute ?? numbersAt(inputs, 1) ?? [], zeros, node.operator),
  );
};

/** From opset 13 on the axes are an input. */
const squeezing =
  (
    change: (
      shape: readonly number[],
      axes: readonly number[] | undefined,
      operation: string,
    ) => readonly number[],
  ): Builder =>
  (node) => {
    const axes = node.listed('axes', 1);
    return reshaping(node, (shape) => change(shape, axes, node.operator));
  };
export const squeeze = squeezing(squeezed);
export const unsqueeze = squeezing((shape, axes, operation) => unsqueezed(shape, axes ?? [], operation));

/** Two dimensions: those before `axis`, and the others. */
export const flatten: Builder = (node) => {
  const axis = node.int('axis', 1);
  return reshaping(node, (shape) => {
    const first = axis === shape.length ? axis : axisIn(axis, shape.length, node.operator);
    return [elementCount(shape.slice(0, first)), elementCount(shape.slice(first))];
  });
};

export const identity: Builder = (node) => reshaping(node, (shape) => shape);

export const transpose: Builder = (node) => {
  const perm = node.ints('perm');
  node.described = perm === undefined ? '' : `[${perm.join(', ')}]`;
  if (node.beside(0)) {
    return hosts((inputs, memory) => {
      const host = hostAt(inputs, 0);
      return [permuteHost(host, orderOf(perm, host.shape.length, 'Transpose'), memory, node.fail)];
    });
  }
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    return permute(x, { dims: orderOf(perm, x.shape.length, 'Transpose') });
  });
};

/** Starts, ends, axes and steps: attributes before opset 10, inputs from then on. */
export const sliced: Builder = (node) => {
  const old = node.opset < 10;
  const part = (shape: readonly number[], inputs: Inputs): Map<number, Taken> => {
    const get = (name: string, index: number) => (old ? node.ints(name) : numbersAt(inputs, index));
    const starts = get('starts', 1) ?? [];
    const ends = get('ends', 2) ?? [];
    const axes = axesIn(get('axes', 3) ?? starts.map((_, i) => i), shape.length, 'Slice');
    const steps = get('steps', 4) ?? starts.map(() => 1);
    if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
      node.fail(
        `has ${starts.length} starts, ${ends.length} ends, ${axes.length} axes and ${steps.length} steps`,
      );
    }
    return new Map(axes.map((axis, i) => [axis, taken(starts[i], ends[i], steps[i], shape[axis], 'Slice')]));
  };
  if (node.beside(0)) {
    return hosts((inputs, memory) => {
      const host = hostAt(inputs, 0);
      const parts = part(host.shape, inputs);
      const picked = host.shape.map((size, axis) => {
        const { first, step, count } = parts.get(axis) ?? { first: 0, step: 1, count: size };
        return { count, at: (position: number) => first + position * step };
      });
      return [pickHost(host, picked, memory, node.fail)];
    });
  }
  for (const index of old ? [] : [1, 2, 3, 4]) {
    if (node.present(index) && !node.beside(index)) node.fail('has bounds that are computed from tensors');
  }
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const parts = [...part(x.shape, inputs)];
    if (parts.every(([, { step }]) => step === 1)) {
      return parts.reduce(
        (y, [dim, { first, count }]) => slice(y, { dim, start: first, end: first + count }),
        x,
      );
    }
    return remapped(x, new Map(parts.map(([axis, one]) => [axis, positions(one)])), 'Slice');
  });
};

/** Positions along one dimension, by an index or a list of them. */
export const gather: Builder = (node) => {
  const axis = node.int('axis', 0);
  const indices = (inputs: Inputs, size: number): number[] =>
    [...hostAt(inputs, 1).values].map((at) => {
      if (Number.isInteger(at) && at >= -size && at < size) return at < 0 ? at + size : at;
      return node.fail(`takes position ${at} of ${size}`);
    });
  const shapeFor = (shape: readonly number[], own: number, inputs: Inputs) => [
    ...shape.slice(0, own),
    ...hostAt(inputs, 1).shape,
    ...shape.slice(own + 1),
  ];
  if (!node.beside(1)) node.fail('has indices that are computed from tensors; convkit takes constant ones');
  if (node.beside(0)) {
    return hosts((inputs, memory) => {
      const host = hostAt(inputs, 0);
      const own = axisIn(axis, host.shape.length, 'Gather');
      const at = indices(inputs, host.shape[own]);
      const picked = host.shape.map((size, i) =>
        i === own ? { count: at.length, at: (k: number) => at[k] } : all(size),
      );
      const made = pickHost(host, picked, memory, node.fail);
      return [reshapeHost(made, shapeFor(host.shape, own, inputs), 'Gather')];
    });
  }
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const own = axisIn(axis, x.shape.length, 'Gather');
    const from = Int32Array.from(indices(inputs, x.shape[own]));
    return remapped(x, new Map([[own, from]]), 'Gather').reshape(shapeFor(x.shape, own, inputs));
  });
};

/** What one of two branches made, by a condition on shapes: inputs are the condition, and the outputs of both. */
export const choice: Builder = (node) => {
  if (!node.beside(0)) node.fail('chooses by a computed tensor; convkit chooses by shapes and constants');
  const count = node.proto.outputs.length;
  const chosen = (inputs: Inputs): Inputs =>
    inputs.slice(1 + (hostAt(inputs, 0).values[0] !== 0 ? 0 : count)).slice(0, count);
  if (node.slots.every((_, index) => node.beside(index))) {
    return hosts((inputs) => chosen(inputs).map((_, i, all) => hostAt(all, i)));
  }
  return { kind: 'tensors', compute: (inputs) => chosen(inputs).map((_, i, all) => tensorAt(all, i)) };
};

export const concatenate: Builder = (node) => {
  const axis = node.int('axis', 1);
  const indices = node.slots.map((_, index) => index);
  node.needs(indices.length);
  if (allBeside(node)) {
    return hosts((inputs, memory) => {
      const parts = indices.map((index) => hostAt(inputs, index));
      return [concatHosts(parts, axisIn(axis, parts[0].shape.length, 'Concat'), memory, node.fail)];
    });
  }
  node.tensors(indices, 'value');
  return layer((inputs) =>
    concat(
      indices.map((index) => tensorAt(inputs, index)),
      { dim: axis },
    ),
  );
};

/** Parts of given sizes side by side, else equal ones; the last may be smaller where their number is given. */
export const split: Builder = (node) => {
  const outputs = node.proto.outputs.length;
  const listed = node.ints('split') ?? node.numbers(1, 'split');
  const [asked, axis] = [node.int('num_outputs', outputs), node.int('axis', 0)];
  if (asked !== outputs) node.fail(`has num_outputs=${asked} and ${outputs} outputs`);
  const sizesFor = (size: number): readonly number[] => {
    const even = Math.ceil(size / outputs);
    const sizes = listed ?? Array.from({ length: outputs }, (_, i) => Math.min(even, size - i * even));
    const whole = sizes.every((one) => Number.isInteger(one) && one >= 0);
    if (whole && sizes.length === outputs && sizes.reduce((a, b) => a + b, 0) === size) return sizes;
    return node.fail(`splits ${size} positions into [${sizes.join(', ')}] for ${outputs} outputs`);
  };
  if (node.beside(0)) {
    return hosts((inputs, memory) => {
      const host = hostAt(inputs, 0);
      const own = axisIn(axis, host.shape.length, 'Split');
      let begin = 0;
      return sizesFor(host.shape[own]).map((count) => {
        const first = begin;
        begin += count;
        const picked = host.shape.map((size, i) =>
          i === own ? { count, at: (k: number) => first + k } : all(size),
        );
        return pickHost(host, picked, memory, node.fail);
      });
    });
  }
  return {
    kind: 'tensors',
    compute(inputs) {
      const x = tensorAt(inputs, 0);
      const own = axisIn(axis, x.shape.length, 'Split');
      let begin = 0;
      return sizesFor(x.shape[own]).map((count) => {
        const start = begin;
        begin += count;
        return slice(x, { dim: own, start, end: begin });
      });
    },
  };
};

/** Repeated along dimensions of size 1 to meet a shape. */
export const expand: Builder = (node) => {
  if (!node.beside(1)) node.fail('has a shape that is computed from tensors');
  if (node.beside(0)) {
    return hosts((inputs, memory) => {
      const host = hostAt(inputs, 0);
      const shape = broadcastShape(host.shape, numbersAt(inputs, 1) ?? [], 'Expand');
      return [expandHost(host, shape, memory, node.fail)];
    });
  }
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const shape = broadcastShape(x.shape, numbersAt(inputs, 1) ?? [], 'Expand');
    const whole = [...new Array<number>(shape.length - x.shape.length).fill(1), ...x.shape];
    const repeats = shape.flatMap((size, axis) =>
      size === whole[axis] ? [] : [[axis, new Int32Array(size)] as const],
    );
    return remapped(x.reshape(whole), new Map(repeats), 'Expand');
  });
};

/** Repeated as a whole along each dimension. */
export const tile: Builder = (node) => {
  if (!node.beside(1)) node.fail('has repeats that are computed from tensors');
  const repeatsFor = (shape: readonly number[], inputs: Inputs): readonly number[] => {
    const repeats = numbersAt(inputs, 1) ?? [];
    const fits =
      repeats.length === shape.length && repeats.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 31);
    return fits ? repeats : node.fail(`repeats [${shape.join(', ')}] by [${repeats.join(', ')}]`);
  };
  if (node.beside(0)) {
    return hosts((inputs, memory) => {
      const host = hostAt(inputs, 0);
      const repeats = repeatsFor(host.shape, inputs);
      const picked = host.shape.map((size, axis) => ({
        count: size * repeats[axis],
        at: (k: number) => k % size,
      }));
      return [pickHost(host, picked, memory, node.fail)];
    });
  }
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const sources = repeatsFor(x.shape, inputs).map((n, axis) => {
      const size = x.shape[axis];
      return [axis, Int32Array.from({ length: n * size }, (_, k) => k % size)] as const;
    });
    return remapped(x, new Map(sources), 'Tile');
  });
};

/** [N, b * b * C, H, W] to [N, C, b * H, b * W]: blocks of channels become blocks of pixels. */
export const depthToSpace: Builder = (node) => {
  const b = node.int('blocksize', 0);
  const byColumn = node.word('mode', 'DCR', ['DCR', 'CRD']) === 'CRD';
  if (!(b >= 1 && b < 2 ** 15)) node.fail(`has blocksize=${b}`);
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const [n, c, h, w] = x.shape;
    const channels = Math.floor((c ?? 0) / (b * b));
    const apart = byColumn
      ? permute(x.reshape([n, channels, b, b, h, w]), { dims: [0, 1, 4, 2, 5, 3] })
      : permute(x.reshape([n, b, b, channels, h, w]), { dims: [0, 3, 4, 1, 5, 2] });
    return apart.reshape([n, channels, h * b, w * b]);
  });
};

/** The other way round. */
export const spaceToDepth: Builder = (node) => {
  const b = node.int('blocksize', 0);
  if (!(b >= 1 && b < 2 ** 15)) node.fail(`has blocksize=${b}`);
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const [n, c, h, w] = x.shape;
    const [rows, columns] = [Math.floor((h ?? 0) / b), Math.floor((w ?? 0) / b)];
    const apart = permute(x.reshape([n, c, rows, b, columns, b]), { dims: [0, 3, 5, 1, 2, 4] });
    return apart.reshape([n, c * b * b, rows, columns]);
  });
};
