// ONNX's backend test cases, converted from PyTorch's own tests: each model's parameters go into convkit's layer, and its
// expected output comes out. The files are not the project's: they are read from beside it, or from CONVKIT_ONNX_TESTS.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { type OnnxGraph, type OnnxNode, readOnnxModel, readOnnxTensor } from '../support/onnx.js';

const folder =
  process.env.CONVKIT_ONNX_TESTS ?? fileURLToPath(new URL('../../../shared/onnx-tests', import.meta.url));
const FAMILY =
  /^test_((Conv(Transpose)?|MaxPool|AvgPool)[123]d|(Constant|Reflection|Replication|Zero)Pad2d|Linear)(_|$)/;
const cases = existsSync(folder) ? readdirSync(folder).filter((name) => FAMILY.test(name)) : [];

/** A model as convkit's: what to apply, its parameters, and how many products and sums make one output. */
interface Model {
  readonly apply: (x: Tensor) => Tensor;
  /** The same on absolute values: what an output's rounding is measured against. Null where nothing is rounded. */
  readonly magnitude: ((x: Tensor) => Tensor) | null;
  readonly terms: number;
}

const ints = (node: OnnxNode, name: string): number[] => {
  const value = node.attributes[name];
  if (!Array.isArray(value)) throw new Error(`${node.operator} has no list ${name}`);
  return value.map(Number);
};
const absolute = (x: Tensor): Tensor => new Tensor(x.data.map(Math.abs), x.shape);

/** A layer with the graph's parameters, and its double with their absolute values. */
function weighted(make: () => nn.Module, graph: OnnxGraph, terms: number): Model {
  const [weight, bias] = [...graph.initializers.values()];
  const dict: nn.StateDict = bias === undefined ? { weight } : { weight, bias };
  const layer = make();
  layer.loadStateDict(dict);
  const double = make();
  double.loadStateDict(
    Object.fromEntries(Object.entries(dict).map(([name, value]) => [name, absolute(value)])),
  );
  return {
    apply: (x) => layer.forward(x),
    magnitude: (x) => double.forward(absolute(x)),
    terms: terms + (bias === undefined ? 0 : 1),
  };
}

const byRank = <T>(table: readonly T[], rank: number): T => table[rank - 1];
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** ONNX's pads, all begins before all ends, as one pair a dimension. */
const pairs = (pads: readonly number[]): [number, number][] =>
  pads.slice(0, pads.length / 2).map((begin, i) => [begin, pads[i + pads.length / 2]]);

/** The begins of pads that are the same on both sides. */
function symmetric(pads: readonly number[]): number[] {
  const each = pairs(pads);
  if (each.some(([begin, end]) => begin !== end)) throw new Error(`pads ${pads} differ between the sides`);
  return each.map(([begin]) => begin);
}

/** The layer that PyTorch's test exported as this graph. */
function modelOf(graph: OnnxGraph): Model {
  const node = graph.nodes.find(({ operator }) => !['Unsqueeze', 'Squeeze', 'Transpose'].includes(operator));
  if (node === undefined) throw new Error('a graph without a layer');
  const has = (name: string) => name in node.attributes;
  const [weight] = [...graph.initializers.values()];
  const hasBias = graph.initializers.size > 1;
  switch (node.operator) {
    case 'Conv': {
      const kernel = ints(node, 'kernel_shape');
      const groups = Number(node.attributes.group);
      const Conv = byRank([nn.Conv1d, nn.Conv2d, nn.Conv3d], kernel.length);
      const options = {
        stride: ints(node, 'strides'),
        padding: pairs(ints(node, 'pads')),
        dilation: ints(node, 'dilations'),
        groups,
        bias: hasBias,
      };
      const [outputs, inputs] = weight.shape;
      const make = () => new Conv(inputs * groups, outputs, kernel, options);
      return weighted(make, graph, inputs * product(kernel));
    }
    case 'ConvTranspose': {
      const kernel = ints(node, 'kernel_shape');
      const groups = Number(node.attributes.group);
      const Conv = byRank([nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d], kernel.length);
      const options = {
        stride: ints(node, 'strides'),
        padding: symmetric(ints(node, 'pads')),
        outputPadding: ints(node, 'output_padding'),
        dilation: ints(node, 'dilations'),
        groups,
        bias: hasBias,
      };
      const [inputs, outputs] = weight.shape;
      const make = () => new Conv(inputs, outputs * groups, kernel, options);
      return weighted(make, graph, (inputs / groups) * product(kernel));
    }
    case 'Gemm':
    case 'MatMul': {
      const [outputs, inputs] = weight.shape;
      return weighted(() => new nn.Linear(inputs, outputs, { bias: hasBias }), graph, inputs);
    }
    case 'MaxPool': {
      const kernelSize = ints(node, 'kernel_shape');
      const pool = byRank([ops.maxPool1d, ops.maxPool2d, ops.maxPool3d], kernelSize.length);
      const options = {
        kernelSize,
        stride: ints(node, 'strides'),
        padding: symmetric(ints(node, 'pads')),
        dilation: has('dilations') ? ints(node, 'dilations') : 1,
      };
      return { apply: (x) => pool(x, options), magnitude: null, terms: 0 };
    }
    case 'AveragePool': {
      // A sequence comes as images one pixel wide, since the exporter had no pooling of sequences.
      const sequence = graph.nodes.some(({ operator }) => operator === 'Unsqueeze');
      const own = (sizes: readonly number[]) => (sequence ? sizes.slice(0, 1) : [...sizes]);
      const kernelSize = own(ints(node, 'kernel_shape'));
      const pool = byRank([ops.avgPool1d, ops.avgPool2d, ops.avgPool3d], kernelSize.length);
      const options = {
        kernelSize,
        stride: own(ints(node, 'strides')),
        padding: own(symmetric(ints(node, 'pads'))),
      };
      const apply = (x: Tensor) => pool(x, options);
      return { apply, magnitude: (x) => apply(absolute(x)), terms: product(kernelSize) };
    }
    case 'Pad': {
      const modes: Record<string, 'constant' | 'reflect' | 'replicate'> = {
        constant: 'constant',
        reflect: 'reflect',
        edge: 'replicate',
      };
      const options = {
        padding: pairs(ints(node, 'pads')).slice(2),
        mode: modes[String(node.attributes.mode)],
        ...(has('value') ? { value: Number(node.attributes.value) } : {}),
      };
      return { apply: (x) => ops.pad(x, options), magnitude: null, terms: 0 };
    }
    default:
      throw new Error(`no layer for ${node.operator}`);
  }
}

/**
 * Two sums of n float32 products in different orders, each within n u S of the exact one (u = 2^-24, S the sum of the products'
 * magnitudes; Higham 2002, §3.1), differ by at most 2 n u S; one more for the rounding of S itself.
 */
function furthest(actual: Tensor, expected: Tensor, model: Model, x: Tensor): number {
  const scale = model.magnitude?.(x).data;
  let worst = 0;
  actual.data.forEach((value, i) => {
    const allowed = scale === undefined ? 0 : (2 * model.terms + 1) * 2 ** -24 * scale[i];
    const error = Math.abs(value - expected.data[i]);
    worst = Math.max(worst, Number.isNaN(value) ? Infinity : error === 0 ? 0 : error / allowed);
  });
  return worst;
}

describe.skipIf(cases.length === 0)(
  cases.length > 0
    ? 'ONNX backend cases'
    : `ONNX backend cases: skipped, they are missing at ${folder}; name their folder in CONVKIT_ONNX_TESTS`,
  () => {
    test('are all there', () => {
      expect(cases.length).toBe(49);
    });

    describe.each(contenders())('$name', ({ use }) => {
      test.each(cases)('%s', (name) => {
        use();
        const model = modelOf(readOnnxModel(join(folder, name, 'model.onnx')));
        const data = join(folder, name, 'test_data_set_0');
        const x = readOnnxTensor(join(data, 'input_0.pb'));
        const expected = readOnnxTensor(join(data, 'output_0.pb'));
        const actual = model.apply(x);
        expect(actual.shape).toEqual(expected.shape);
        expect(furthest(actual, expected, model, x)).toBeLessThanOrEqual(1);
      });
    });
  },
);
