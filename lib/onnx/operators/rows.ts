// Operators along some dimensions: padding, softmax, sums and means.

import { sub } from '../../ops/arithmetic.js';
import { parsePad, preparePad } from '../../ops/pad.js';
import { permute } from '../../ops/permute-tensor.js';
import { mean, sum } from '../../ops/reduce.js';
import { runNow } from '../../ops/run.js';
import { prepareSoftmax } from '../../ops/softmax.js';
import { elementCount } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { axesIn, axisIn } from '../axes.js';
import { type Builder, type Inputs, layer, type Node, numbersAt, tensorAt } from '../node.js';
import { allBeside, reduced } from './beside.js';
import { wholeImages } from './pool.js';

const MODES = { constant: 'constant', reflect: 'reflect', edge: 'replicate', wrap: 'circular' } as const;

/** Pads are an attribute before opset 11, and an input from then on; axes may be named from opset 18 on. */
export const pad: Builder = (node) => {
  const mode = MODES[node.word('mode', 'constant', ['constant', 'reflect', 'edge', 'wrap'])];
  const attribute = node.ints('pads') ?? node.ints('paddings');
  const value = node.has('value') ? node.float('value', 0) : (node.number(2, 'value') ?? 0);
  const axes = node.numbers(3, 'axes');
  if (attribute === undefined && !node.beside(1)) node.fail('has pads that are computed from tensors');
  return layer((inputs, when) => {
    const x = tensorAt(inputs, 0);
    const rank = x.shape.length;
    const pads = attribute ?? numbersAt(inputs, 1) ?? [];
    const padded = axes === undefined ? x.shape.map((_, axis) => axis) : axesIn(axes, rank, 'Pad');
    if (pads.length !== 2 * padded.length)
      node.fail(`has ${pads.length} pads for ${padded.length} dimensions`);
    const pairs = x.shape.map((_, axis): [number, number] => {
      const place = padded.indexOf(axis);
      return place < 0 ? [0, 0] : [pads[place], pads[place + padded.length]];
    });
    const settings = parsePad(
      mode === 'constant' ? { padding: pairs, value } : { padding: pairs, mode },
      'pad',
    );
    return preparePad(x, settings, when, 'pad');
  });
};

/** Before opset 13 all dimensions from `axis` on count together. */
export const softmax =
  (kind: 'softmax' | 'logSoftmax'): Builder =>
  (node) => {
    const together = node.opset < 13;
    const axis = node.int('axis', together ? 1 : -1);
    return layer((inputs, mode) => {
      const x = tensorAt(inputs, 0);
      const { shape } = x;
      const first = axis === shape.length && together ? axis : axisIn(axis, shape.length, node.operator);
      if (!together || first === shape.length - 1) return prepareSoftmax(x, kind, first, mode);
      const rows = [elementCount(shape.slice(0, first)), elementCount(shape.slice(first))];
      return runNow(prepareSoftmax(x.reshape(rows), kind, 1, 'now')).reshape(shape);
    });
  };

/** The dimensions that are reduced; none where nothing is to be done. */
export function reducedAxes(node: Node): (x: Tensor, inputs: Inputs) => number[] {
  const listed = node.ints('axes');
  const nothing = node.int('noop_with_empty_axes', 0) !== 0;
  if (listed === undefined && node.present(1) && !node.beside(1))
    node.fail('has axes that are computed from tensors');
  return (x, inputs) => {
    const axes = listed ?? numbersAt(inputs, 1) ?? [];
    if (axes.length > 0) return axesIn(axes, x.shape.length, node.operator).sort((a, b) => a - b);
    return nothing ? [] : x.shape.map((_, axis) => axis);
  };
}

/** Whether these are all dimensions of images but batch and channels. */
const spatial = (axes: readonly number[], rank: number): boolean =>
  rank >= 3 && rank <= 5 && axes.length === rank - 2 && axes.every((axis, i) => axis === i + 2);

export const reduceMean: Builder = (node) => {
  const axesFor = reducedAxes(node);
  const keepDim = node.int('keepdims', 1) !== 0;
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const axes = axesFor(x, inputs);
    if (axes.length === 0) return x;
    // As global pooling, which this is another name of
    if (spatial(axes, x.shape.length) && elementCount(x.shape.slice(1)) > 0) {
      const pooled = runNow(wholeImages('average', x, 'now'));
      return keepDim ? pooled : pooled.reshape(x.shape.slice(0, 2));
    }
    return mean(x, { dim: axes, keepDim });
  });
};

export const reduceSum: Builder = (node) => {
  if (allBeside(node)) return reduced(node, 0, (a, b) => a + b);
  const axesFor = reducedAxes(node);
  const keepDim = node.int('keepdims', 1) !== 0;
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const axes = axesFor(x, inputs);
    return axes.length === 0 ? x : sum(x, { dim: axes, keepDim });
  });
};

/** The largest along any dimensions: pooling of whole images, of one dimension where they are not all the spatial ones. */
function largest(x: Tensor, axes: readonly number[], keepDim: boolean): Tensor {
  if (axes.length === 0) return x;
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const shape = keepDim ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  if (spatial(axes, x.shape.length)) return runNow(wholeImages('max', x, 'now')).reshape(shape);
  const rest = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const last = permute(x, { dims: [...rest, ...axes] });
  const rows = last.reshape([1, elementCount(rest.map((axis) => x.shape[axis])), -1]);
  return runNow(wholeImages('max', rows, 'now')).reshape(shape);
}

export const reduceMax: Builder = (node) => {
  if (allBeside(node)) return reduced(node, -Infinity, Math.max);
  const axesFor = reducedAxes(node);
  const keepDim = node.int('keepdims', 1) !== 0;
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    return largest(x, axesFor(x, inputs), keepDim);
  });
};

export const reduceMin: Builder = (node) => {
  if (allBeside(node)) return reduced(node, Infinity, Math.min);
  const axesFor = reducedAxes(node);
  const keepDim = node.int('keepdims', 1) !== 0;
  const zero = Tensor.zeros([]);
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    return sub(zero, largest(sub(zero, x), axesFor(x, inputs), keepDim));
  });
};
