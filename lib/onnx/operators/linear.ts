// Products of matrices of which one is an initializer, most often the second: fully connected layers.

import { add, mul } from '../../ops/arithmetic.js';
import type { Mode } from '../../ops/inputs.js';
import { parseLinearOptions, prepareLinear } from '../../ops/linear.js';
import { permute } from '../../ops/permute-tensor.js';
import { type Prepared, runNow } from '../../ops/run.js';
import { elementCount, showShape } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { Host } from '../host.js';
import { type Builder, type Built, hostAt, hosts, layer, type Node, tensorAt } from '../node.js';
import { matrixProduct } from './product.js';

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
  const weight = node.weight(1, 'weight', (given) => {
    const host = given.shape.length === 1 ? new Host('float', [...given.shape, 1], given.values) : given;
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
  if (node.constant(1) === undefined) return gemmOfTensors(node, alpha, beta);
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

/** alpha * A * B + beta * C of a B that is computed. */
function gemmOfTensors(node: Node, alpha: number, beta: number): Built {
  const turned = [node.int('transA', 0) !== 0, node.int('transB', 0) !== 0];
  const third = node.present(2);
  node.needs(2);
  node.tensors([0, 2], 'value');
  const of = (tensor: Tensor, factor: number): Tensor => (factor === 1 ? tensor : mul(tensor, factor));
  return layer((inputs) => {
    const [a, b] = turned.map((turn, i) => {
      const x = tensorAt(inputs, i);
      if (x.shape.length !== 2) node.fail(`has a matrix of shape ${showShape(x.shape)}`);
      return turn ? permute(x, { dims: [1, 0] }) : x;
    });
    const product = of(matrixProduct(node, a, b), alpha);
    return third ? add(product, of(tensorAt(inputs, 2), beta)) : product;
  });
}

/** A constant first matrix times a computed second one: the product of both turned over, turned over. */
function constantFirst(node: Node): Built {
  const weight = node.weight(0, 'weight', (host) => {
    return elementCount(host.shape) > 0
      ? host
      : node.fail(`has a first matrix of shape ${showShape(host.shape)}`);
  });
  node.described = `${weight.shape[1]}, ${weight.shape[0]}`;
  const product = (x: Tensor): Tensor => runNow(prepareLinear(x, weight, null, LINEAR, 'now', 'linear'));
  return layer((inputs) => {
    const x = tensorAt(inputs, 1);
    const rank = x.shape.length;
    if (rank < 2) return product(x);
    const dims = [...x.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2);
    return permute(product(permute(x, { dims })), { dims });
  });
}

/** The product of two matrices that are computed, or of a computed and several constant ones. */
function ofTensors(node: Node): Built {
  node.needs(2);
  node.tensors([0, 1], 'weight');
  return layer((inputs) => matrixProduct(node, tensorAt(inputs, 0), tensorAt(inputs, 1)));
}

/** The product of two constants, of two dimensions or one. */
function ofConstants(node: Node): Built {
  return hosts((inputs, memory) => {
    const [a, b] = [hostAt(inputs, 0), hostAt(inputs, 1)];
    if (a.shape.length > 2 || b.shape.length > 2 || a.shape.length * b.shape.length === 0) {
      node.fail('multiplies constants of more than two dimensions');
    }
    const [rows, columns] = [a.shape.length === 2 ? a.shape[0] : 1, b.shape[1] ?? 1];
    const inner = b.shape[0];
    if (a.shape.at(-1) !== inner) node.fail(`multiplies ${showShape(a.shape)} by ${showShape(b.shape)}`);
    const made = memory.make('float', [rows, columns], node.fail);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let total = 0;
        for (let k = 0; k < inner; k++) total += a.values[i * inner + k] * b.values[k * columns + j];
        made.values[i * columns + j] = total;
      }
    }
    return [new Host(made.type, [...a.shape.slice(0, -1), ...b.shape.slice(1)], made.values)];
  });
}

/** A third input is a bias that an addition after it was. */
export const matMul: Builder = (node) => {
  const [first, second] = [node.constant(0), node.constant(1)];
  if (first !== undefined && second !== undefined && !node.present(2)) return ofConstants(node);
  if (first?.shape.length === 2 && second === undefined) return constantFirst(node);
  if (second === undefined || second.shape.length > 2) return ofTensors(node);
  const vector = second.shape.length === 1;
  const weight = matrix(node, false, 1);
  const bias = biasOf(node, weight.shape[0], 1);
  return layer((inputs, mode) => {
    const x = tensorAt(inputs, 0);
    if (!vector) return prepareLinear(x, weight, bias, LINEAR, mode, 'linear');
    return runNow(prepareLinear(x, weight, bias, LINEAR, 'now', 'linear')).reshape(x.shape.slice(0, -1));
  });
};
