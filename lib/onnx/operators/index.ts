// Which operators convkit has, by their names.

import { dataType, dataTypeName } from '../data-types.js';
import type { Builder } from '../node.js';
import { hostAt, hosts, layer, tensorAt } from '../node.js';
import * as activation from './activation.js';
import * as arithmetic from './arithmetic.js';
import { beside, converted, elementwise } from './beside.js';
import { compared, truth } from './compare.js';
import * as conv from './conv.js';
import { cumSum } from './cum-sum.js';
import { einsum } from './einsum.js';
import { gatherNd } from './gather-nd.js';
import * as linear from './linear.js';
import { globalLpPool, lpPool } from './lp-pool.js';
import * as moves from './moves.js';
import * as norm from './norm.js';
import * as pool from './pool.js';
import { powers } from './powers.js';
import * as resize from './resize.js';
import * as rows from './rows.js';

/** Between float types there is nothing to do: all are float32 here. */
const cast: Builder = (node) => {
  const to = node.int('to', 0);
  const type = dataType(to);
  if (type === undefined) return node.fail(`makes ${dataTypeName(to)}`);
  if (node.beside(0)) return hosts((inputs) => [converted(hostAt(inputs, 0), type.kind)]);
  if (type.kind === 'bool') return layer((inputs) => truth(tensorAt(inputs, 0)));
  if (type.kind !== 'float') node.fail(`makes ${type.name} of a computed tensor; tensors are float32`);
  return layer((inputs) => tensorAt(inputs, 0));
};

const constantOfShape: Builder = (node) => {
  if (!node.beside(0)) node.fail('has a shape that is computed from tensors');
  const [value] = node.slots.slice(1);
  const fill = value?.kind === 'constant' ? value.host : null;
  return hosts((inputs, memory) => {
    const made = memory.make(fill?.type ?? 'float', [...hostAt(inputs, 0).values], node.fail);
    made.values.fill(fill?.values[0] ?? 0);
    return [made];
  });
};

const dropout: Builder = (node) => {
  if (node.constant(2)?.values[0] === 1) node.fail('is in training mode', 'export after eval()');
  return moves.identity(node);
};

const TABLE: Readonly<Record<string, Builder>> = {
  ...beside,
  ...compared,
  ...powers,
  Abs: (node) => (node.beside(0) ? elementwise(node, Math.abs, null) : activation.abs(node)),
  Add: arithmetic.arithmetic('add'),
  AveragePool: pool.averagePool,
  BatchNormalization: norm.batchNormalization,
  Cast: cast,
  Celu: activation.celu,
  Clip: activation.clip,
  Concat: moves.concatenate,
  ConstantOfShape: constantOfShape,
  Conv: conv.conv,
  ConvTranspose: conv.convTranspose,
  CumSum: cumSum,
  DepthToSpace: moves.depthToSpace,
  Div: arithmetic.arithmetic('div'),
  Dropout: dropout,
  Einsum: einsum,
  Elu: activation.elu,
  Expand: moves.expand,
  Flatten: moves.flatten,
  Gather: moves.gather,
  Gelu: activation.gelu,
  Gemm: linear.gemm,
  GlobalAveragePool: pool.globalPool('average'),
  GlobalLpPool: globalLpPool,
  GlobalMaxPool: pool.globalPool('max'),
  GroupNormalization: norm.groupNormalization,
  HardSigmoid: activation.hardSigmoid,
  HardSwish: activation.plain('hardswish'),
  GatherND: gatherNd,
  Identity: moves.identity,
  If: moves.choice,
  InstanceNormalization: norm.instanceNormalization,
  LRN: norm.localResponseNormalization,
  LayerNormalization: norm.layerNormalization,
  LeakyRelu: activation.leakyRelu,
  LogSigmoid: activation.logSigmoid,
  LogSoftmax: rows.softmax('logSoftmax'),
  LpPool: lpPool,
  MatMul: linear.matMul,
  Max: arithmetic.max,
  MaxPool: pool.maxPool,
  Mean: arithmetic.mean,
  Min: arithmetic.min,
  Mish: activation.mish,
  Mul: arithmetic.arithmetic('mul'),
  Neg: (node) => (node.beside(0) ? elementwise(node, (value) => -value, null) : activation.negative(node)),
  PRelu: activation.prelu,
  Pad: rows.pad,
  ReduceMax: rows.reduceMax,
  ReduceMean: rows.reduceMean,
  ReduceMin: rows.reduceMin,
  ReduceSum: rows.reduceSum,
  Relu: activation.relu,
  Reshape: moves.reshape,
  Resize: resize.resize,
  Selu: activation.selu,
  Shrink: activation.shrink,
  Sigmoid: activation.plain('sigmoid'),
  Slice: moves.sliced,
  Softmax: rows.softmax('softmax'),
  Softplus: activation.plain('softplus'),
  SpaceToDepth: moves.spaceToDepth,
  Split: moves.split,
  Squeeze: moves.squeeze,
  Sub: arithmetic.arithmetic('sub'),
  Sum: arithmetic.sum,
  Swish: activation.swish,
  Tanh: activation.plain('tanh'),
  ThresholdedRelu: activation.thresholdedRelu,
  Tile: moves.tile,
  Transpose: moves.transpose,
  Unsqueeze: moves.unsqueeze,
  Upsample: resize.upsample,
};

export const builderOf = (operator: string): Builder | undefined =>
  Object.hasOwn(TABLE, operator) ? TABLE[operator] : undefined;

/** What files have in more than one node. */
const JOINED = ['LogSigmoid'];

/** Their names, for the sentence about one that is not among them; `Constant` and fused ones aside. */
export const supported = (): string =>
  ['Constant', 'Erf (of a Gelu)', 'Log (of a Sigmoid or Softmax)', ...Object.keys(TABLE)]
    .filter((name) => !JOINED.includes(name))
    .sort()
    .join(', ');

/** Whether an operator makes no more than it is given: of constants it is then computed when the file is loaded. */
export const shrinks = (operator: string): boolean => SHRINKING.has(operator);

const SHRINKING = new Set(
  (
    'Abs BatchNormalization Celu Clip Elu Exp Gelu HardSigmoid HardSwish LeakyRelu LayerNormalization ' +
    'LogSoftmax Mish Neg PRelu ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ' +
    'ReduceSum ReduceSumSquare Relu Selu Shrink Sigmoid Softmax Softplus Softsign Swish Tanh ' +
    'ThresholdedRelu'
  ).split(' '),
);
