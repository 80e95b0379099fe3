// Products of matrices of which the second is an initializer: fully connected layers.

import { add, mul } from '../../ops/arithmetic.js';
import type { Mode } from '../../ops/inputs.js';
import { parseLinearOptions, prepareLinear } from '../../ops/linear.js';
import { permute } from '../../ops/permute-tensor.js';
import { type Prepared, runNow } from '../../ops/run.js';
import { elementCount, showShape } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { Host } from '../host.js';
import { type Builder, layer, type Node, tensorAt } from '../node.js';

const LINEAR = parseLinearOptions({}, 'linear');

/** [rows, columns] as [columns, rows]. */
function turned(host: Host): Host {
  const [rows, columns] = host.shape;
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) values[j * rows + i] = host.values[i * columns + j];
  }
  return new Host('float', [columns, rows], values);
}

const scaled = (host: Host, factor: number): Host =>
  factor === 1
    ? host
    : new Host(
        'float',
        host.shape,
        Float32Array.from(host.values, (value) => value * factor),
      );

/** The matrix as [outFeatures, inFeatures]: what a linear layer is made of. */
function matrix(node: Node, asItIs: boolean, factor: number): Tensor {
  const weight = node.weight(1, 'weight', (host) => {
    if (host.shape.length !== 2 || elementCount(host.shape) === 0) {
      node.fail(`has a matrix of shape ${showShape(host.shape)}; convkit does two dimensions`);
    }
    return scaled(asItIs ? host : turned(host), factor);
  });
  node.described = `${weight.shape[1]}, ${weight.shape[0]}`;
  return weight;
}

/** A bias that is one number for each feature. */
function biasOf(node: Node, features: number, factor: number): Tensor | null {
  const host = node.constant(2);
  if (host === undefined || elementCount(host.shape) !== features || host.shape.at(-1) !== features)
    return null;
  return node.weight(2, 'bias', (given) => scaled(new Host('float', [features], given.values), factor));
}

export const gemm: Builder = (node) => {
  const [alpha, beta] = [node.float('alpha', 1), node.float('beta', 1)];
  const turn = node.int('transA', 0) !== 0;
  const weight = matrix(node, node.int('transB', 0) !== 0, alpha);
  const bias = node.present(2) ? biasOf(node, weight.shape[0], beta) : null;
  const rest = node.present(2) && bias === null;
  if (rest) node.tensors([2], 'bias');
  const factor = beta === 1 ? null : Tensor.full([], beta);
  const product = (x: Tensor, mode: Mode): Prepared => {
    const rows = turn ? permute(x, { dims: [1, 0] }) : x;
    return prepareLinear(rows, weight, bias, LINEAR, mode, 'linear');
  };
  if (!rest) return layer((inputs, mode) => product(tensorAt(inputs, 0), mode));
  return layer((inputs) => {
    const c = tensorAt(inputs, 2);
    return add(runNow(product(tensorAt(inputs, 0), 'now')), factor === null ? c : mul(c, factor));
  });
};

/** A third input is a bias that an addition after it was. */
export const matMul: Builder = (node) => {
  if (node.constant(0) !== undefined)
    node.fail('has a constant as its first matrix; convkit does a constant second one');
  const weight = matrix(node, false, 1);
  const bias = biasOf(node, weight.shape[0], 1);
  return layer((inputs, mode) => prepareLinear(tensorAt(inputs, 0), weight, bias, LINEAR, mode, 'linear'));
};
