// ONNX files as modules: where numbers may lie, what the module is, and what is refused, each by its sentence.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, io, nn, ops, optim, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import {
  field,
  fixed32,
  float,
  floats,
  ints,
  joined,
  model,
  node,
  tensor,
  value,
  varint,
} from '../support/onnx-encode.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'convkit-onnx-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const add = node('Add', 'x c', 'y');
const x = Tensor.from([10, 20, 30]);
/** The branches of an If: one node each, or one If within the other. */
function branches(deeper = 0, operator = 'Neg'): Readonly<Record<string, { bytes: Uint8Array }>> {
  const own = `y${deeper}`;
  const inner = deeper > 0 ? node('If', 'x', own, branches(deeper - 1)) : node(operator, 'x', own);
  const graph = joined(field(1, inner), field(12, value(own, null)));
  const attribute = { bytes: joined(field(6, graph), field(20, 5)) };
  return { then_branch: attribute, else_branch: attribute };
}
/** What a model makes of x. */
const made = async (bytes: Uint8Array) => (await io.loadOnnx(bytes)).forward(x).toArray();

describe('what the reference evaluator has not', () => {
  test.each<[string, number | null]>([
    ['Sqrt', null],
    ['Pow', 0.5],
    ['Pow', 2.5],
  ])('%s of negative numbers is none (exponent %s)', async (operator, exponent) => {
    const initializers = exponent === null ? [] : [floats('e', [], [exponent])];
    const net = await io.loadOnnx(
      model({ nodes: [node(operator, exponent === null ? 'x' : 'x e', 'y')], initializers }),
    );
    const [a, b, c, d] = net.forward(Tensor.from([4, -4, 0, -1e-30])).data;
    expect([a, b, c, d]).toEqual([exponent === 2.5 ? 32 : 2, Number.NaN, 0, Number.NaN]);
  });

  test.each([
    [undefined, 5],
    [1, 7],
    [3, Math.cbrt(91)],
  ])('GlobalLpPool of p %s', async (p, norm) => {
    const net = await io.loadOnnx(
      model({ nodes: [node('GlobalLpPool', 'x', 'y', p === undefined ? {} : { p })] }),
    );
    const y = net.forward(Tensor.from([[[3, 0, -4]], [[0, 0, 0]]]));
    expect(y.shape).toEqual([2, 1, 1]);
    expect(y.data[0]).toBeCloseTo(norm, 5);
    expect(y.data[1]).toBe(0);
  });

  test.each(contenders())(
    'a running sum is one chain of additions through all blocks, $name',
    async ({ use }) => {
      use();
      const net = await io.loadOnnx(
        model({ nodes: [node('CumSum', 'x axis', 'y')], initializers: [ints('axis', [1])] }),
      );
      const x = Tensor.randn([2, 700], { seed: 3 });
      const sums = net.forward(x).data;
      for (const row of [0, 700]) {
        let total = 0;
        for (let i = 0; i < 700; i++) {
          total = Math.fround(total + x.data[row + i]);
          expect(sums[row + i]).toBe(total);
        }
      }
    },
  );

  test('sizes of one name differ in an equation', async () => {
    const nodes = [node('Einsum', 'x z', 'y', { equation: 'ij,ij->i' })];
    const net = await io.loadOnnx(model({ nodes, inputs: [value('x', null), value('z', null)] }));
    expect(net.forward(Tensor.ones([2, 3]), Tensor.ones([2, 3])).toArray()).toEqual([3, 3]);
    expect(() => net.forward(Tensor.ones([2, 3]), Tensor.ones([2, 4]))).toThrow(
      'multiplies [2, 3] by [2, 4]',
    );
    expect(() => net.forward(Tensor.ones([2, 3]), Tensor.ones([2, 3, 1]))).toThrow(
      "names the dimensions of [2, 3, 1] 'ij'",
    );
  });

  test('more taps than memory has room for are refused', async () => {
    const nodes = [
      node('Resize', 'x   s', 'y', { mode: 'cubic', coordinate_transformation_mode: 'asymmetric' }),
    ];
    const net = await io.loadOnnx(model({ nodes, initializers: [ints('s', [1, 1, 1, 2 ** 30])] }));
    expect(() => net.forward(Tensor.zeros([1, 1, 1, 4]))).toThrow(
      'makes 1073741824 positions of 4, of 5 taps each',
    );
  });

  test("nearest neighbours as TensorFlow's", async () => {
    const attributes = { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' };
    const net = await io.loadOnnx(
      model({
        nodes: [node('Resize', 'x  s', 'y', attributes)],
        initializers: [floats('s', [3], [1, 1, 0.5])],
      }),
    );
    expect(net.forward(Tensor.from([[[0, 1, 2, 3, 4, 5, 6]]])).toArray()).toEqual([[[1, 3, 5]]]);
  });
});

describe('numbers', () => {
  const packedFloats = field(4, joined(float(1), float(2), float(3)));
  const doubles = new Uint8Array(Float64Array.of(1, 2, 3).buffer);
  test.each<[string, Uint8Array]>([
    ['raw', floats('c', [3], [1, 2, 3])],
    ['packed', tensor({ name: 'c', dims: [3], rest: packedFloats })],
    [
      'one a field',
      tensor({
        name: 'c',
        dims: [3],
        rest: joined(fixed32(4, float(1)), fixed32(4, float(2)), fixed32(4, float(3))),
      }),
    ],
    [
      'some packed and one not',
      tensor({
        name: 'c',
        dims: [3],
        rest: joined(field(4, joined(float(1), float(2))), fixed32(4, float(3))),
      }),
    ],
    ['dims packed', joined(field(1, varint(3)), field(2, 1), field(8, 'c'), packedFloats)],
    ['raw float64', tensor({ name: 'c', dims: [3], type: 11, raw: doubles })],
    ['float64', tensor({ name: 'c', dims: [3], type: 11, rest: field(10, doubles) })],
    [
      'raw float16',
      tensor({
        name: 'c',
        dims: [3],
        type: 10,
        raw: new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0x4200).buffer),
      }),
    ],
    [
      'float16 as numbers',
      tensor({
        name: 'c',
        dims: [3],
        type: 10,
        rest: field(5, joined(varint(0x3c00), varint(0x4000), varint(0x4200))),
      }),
    ],
    [
      'raw bfloat16',
      tensor({
        name: 'c',
        dims: [3],
        type: 16,
        raw: new Uint8Array(Uint16Array.of(0x3f80, 0x4000, 0x4040).buffer),
      }),
    ],
    [
      'unknown fields around them',
      joined(field(99, 'x'), floats('c', [3], [1, 2, 3]), field(200, 7), fixed32(98, float(0))),
    ],
  ])('as %s', async (_, c) => {
    expect(await made(model({ nodes: [add], initializers: [c] }))).toEqual([11, 22, 33]);
  });

  test.each<[string, number, Uint8Array]>([
    ['int64, packed', 7, field(7, joined(varint(3), varint(-1)))],
    ['int64, raw', 7, field(9, new Uint8Array(BigInt64Array.of(3n, -1n).buffer))],
    ['int32', 6, joined(field(5, 3), field(5, -1))],
    ['int32, raw', 6, field(9, new Uint8Array(Int32Array.of(3, -1).buffer))],
    ['int8, raw', 3, field(9, new Uint8Array(Int8Array.of(3, -1).buffer))],
  ])('of shapes as %s', async (_, type, rest) => {
    const nodes = [node('Reshape', 'x s', 'y')];
    const net = await io.loadOnnx(
      model({ nodes, initializers: [tensor({ name: 's', dims: [2], type, rest })] }),
    );
    expect(net.forward(Tensor.zeros([3, 5])).shape).toEqual([3, 5]);
    expect(net.forward(Tensor.zeros([2, 6])).shape).toEqual([3, 4]);
  });

  const external = (location: string, offset: string, length: string | null) =>
    tensor({
      name: 'c',
      dims: [3],
      rest: joined(
        ...Object.entries({ location, offset, ...(length === null ? {} : { length }) }).map(([key, text]) =>
          field(13, joined(field(1, key), field(2, text))),
        ),
        field(14, 1),
      ),
    });
  const stored = (location: string, offset: string, length: string | null): string => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, model({ nodes: [add], initializers: [external(location, offset, length)] }));
    return path;
  };

  test('in a file beside the model, or below its folder', async () => {
    mkdirSync(join(folder, 'below'), { recursive: true });
    const bytes = new Uint8Array(Float32Array.of(9, 1, 2, 3).buffer);
    writeFileSync(join(folder, 'weights.bin'), bytes);
    writeFileSync(join(folder, 'below', 'weights.bin'), bytes);
    for (const [location, length] of [
      ['weights.bin', '12'],
      ['weights.bin', null],
      ['below/weights.bin', '12'],
    ] as const) {
      const net = await io.loadOnnx(stored(location, '4', length));
      expect(net.forward(x).toArray()).toEqual([11, 22, 33]);
    }
  });

  test.each<[location: string, offset: string, length: string | null, law: string]>([
    ['../weights.bin', '4', '12', "which is not in the model's folder"],
    ['/etc/passwd', '0', '12', "which is not in the model's folder"],
    ['.', '0', '12', "which is not in the model's folder"],
    ['below/../../weights.bin', '0', '12', "which is not in the model's folder"],
    ['none.bin', '0', '12', 'which is missing'],
    ['below', '0', '12', 'is a folder'],
    ['weights.bin', '8', '12', 'is said to be 12 bytes from 8 on'],
    ['weights.bin', '17', null, 'is said to be'],
    ['weights.bin', '4', '8', 'need 12'],
    ['weights.bin', '999999999999999', '12', 'from 999999999999999 on'],
    ['weights.bin', '99999999999999999999', '12', 'at offset'],
    ['weights.bin', '-4', '12', "at offset '-4'"],
  ])('refuses a file %s from %s, %s bytes', async (location, offset, length, law) => {
    await expect(io.loadOnnx(stored(location, offset, length))).rejects.toThrow(law);
    await expect(io.loadOnnx(stored(location, offset, length))).rejects.toThrow(RangeError);
  });

  test('of other files need the path of the model', async () => {
    const bytes = model({ nodes: [add], initializers: [external('weights.bin', '0', '12')] });
    await expect(io.loadOnnx(bytes)).rejects.toThrow('give the path of the model, not its bytes');
  });
});

describe('what is refused', () => {
  const relu = node('Relu', 'x', 'y');
  const conv = (attributes: Parameters<typeof node>[3], dims = [1, 1, 3, 3]) =>
    model({
      nodes: [node('Conv', 'x w', 'y', attributes, 'the conv')],
      initializers: [floats('w', dims, new Array<number>(dims.reduce((a, b) => a * b, 1)).fill(1))],
    });
  test.each<[string, Uint8Array, string]>([
    ['no bytes', new Uint8Array(0), 'holds no graph; it is no ONNX file'],
    ['a text', new TextEncoder().encode('this is no model'), 'loadOnnx: the model holds'],
    ['no opset', field(7, joined(field(1, relu))), 'does not say which opset'],
    [
      'an opset of the past',
      model({ nodes: [relu], opset: 5 }),
      'is written for opset 5; convkit reads 6 to 25',
    ],
    ['an opset of the future', model({ nodes: [relu], opset: 99 }), 'is written for opset 99'],
    ['no outputs', model({ nodes: [relu], outputs: [] }), 'has no outputs'],
    ['two graphs', joined(model({ nodes: [relu] }), field(7, field(1, relu))), 'holds more than one graph'],
    [
      'an unknown operator',
      model({ nodes: [node('LSTM', 'x', 'y', {}, 'e')] }),
      "loadOnnx: the model: node 'e' (LSTM, opset 17) is not an operator that convkit has; supported are Abs, Add,",
    ],
    [
      "another domain's",
      model({ nodes: [node('Relu', 'x', 'y', {}, 'r', 'com.microsoft')] }),
      "is not an operator of 'com.microsoft' that convkit has",
    ],
    [
      'a branch by the values of a tensor',
      model({ nodes: [node('If', 'x', 'y', branches())] }),
      '(If, opset 17) chooses by a computed tensor; convkit chooses by shapes and constants',
    ],
    [
      'a branch that is missing',
      model({ nodes: [node('If', 'x', 'y', { then_branch: branches().then_branch })] }),
      '(If) has no else_branch',
    ],
    [
      'a branch of other outputs',
      model({ nodes: [node('If', 'x', 'y z', branches())], outputs: [value('y', null)] }),
      '(If) has 2 outputs, and 1 in its then_branch',
    ],
    [
      'branches within branches without end',
      model({ nodes: [node('If', 'x', 'y', branches(12))] }),
      'is more than 8 branches deep',
    ],
    [
      'an unknown operator in a branch',
      model({ nodes: [node('Size', 'x', 's'), node('If', 's', 'y', branches(0, 'Loop'))] }),
      '(Loop, opset 17) is not an operator',
    ],
    [
      "an operator that is an object's",
      model({ nodes: [node('constructor', 'x', 'y')] }),
      '(constructor, opset 17) is not an operator',
    ],
    [
      'a missing input',
      model({ nodes: [node('Relu', 'z', 'y')] }),
      "reads 'z', which nothing before it makes",
    ],
    [
      'a circle',
      model({ nodes: [node('Add', 'x b', 'a'), node('Relu', 'a', 'b'), node('Relu', 'b', 'y')] }),
      'the graph has a circle, or its nodes are not in order',
    ],
    ['two makers of one value', model({ nodes: [relu, node('Tanh', 'x', 'y')] }), "makes value 'y' twice"],
    ['an output that is an input', model({ nodes: [node('Relu', 'x', 'x')] }), "makes value 'x' twice"],
    [
      'two inputs of a name',
      model({ nodes: [relu], inputs: [value('x', null), value('x', null)] }),
      "makes value 'x' twice",
    ],
    [
      'an output of nothing',
      model({ nodes: [relu], outputs: [value('z', null)] }),
      "has an output 'z', which nothing makes",
    ],
    [
      'whole numbers in',
      model({ nodes: [relu], inputs: [value('x', [1], 7)] }),
      "has an input 'x' of int64; convkit takes inputs of floats",
    ],
    [
      'text',
      model({ nodes: [relu], initializers: [tensor({ name: 's', dims: [1], type: 8 })] }),
      "holds tensor 's' as string",
    ],
    [
      'fewer bytes than the shape',
      model({ nodes: [relu], initializers: [tensor({ name: 'w', dims: [4], raw: new Uint8Array(12) })] }),
      "has 12 bytes of tensor 'w', whose shape [4] and type float32 need 16",
    ],
    [
      'fewer numbers than the shape',
      model({
        nodes: [relu],
        initializers: [
          tensor({ name: 'w', dims: [2], rest: joined(fixed32(4, float(1)), field(99, 'padding')) }),
        ],
      }),
      "has 1 numbers of tensor 'w', whose shape is [2]",
    ],
    [
      'more numbers than the shape',
      model({
        nodes: [relu],
        initializers: [tensor({ name: 'w', dims: [1], rest: field(4, new Uint8Array(8)) })],
      }),
      "has more numbers of tensor 'w'",
    ],
    [
      'absurd dimensions',
      model({ nodes: [relu], initializers: [tensor({ name: 'w', dims: [2n ** 40n, 2n ** 40n] })] }),
      'of shape [1099511627776, 1099511627776]',
    ],
    [
      'a large tensor of nothing',
      model({ nodes: [relu], initializers: [tensor({ name: 'w', dims: [2 ** 30] })] }),
      'whose shape [1073741824] needs more',
    ],
    [
      'negative dimensions',
      model({ nodes: [relu], initializers: [tensor({ name: 'w', dims: [-4] })] }),
      'of shape [-4]',
    ],
    [
      'a length past the end',
      joined(model({ nodes: [relu] }), varint(7 * 8 + 2), varint(2n ** 63n - 1n)),
      'reaches past its message',
    ],
    [
      'a negative length',
      joined(model({ nodes: [relu] }), varint(2 * 8 + 2), varint(-1)),
      'reaches past its message',
    ],
    ['a number without an end', new Uint8Array(16).fill(255), 'holds a number of more than 10 bytes'],
    ['a group', Uint8Array.of(0x0b, 0x0c), 'holds a field of wire type 3'],
    [
      'a computed weight',
      model({ nodes: [node('Relu', 'x', 'w'), node('Conv', 'x w', 'y')] }),
      'has a weight that the graph computes',
    ],
    [
      'another kernel than the weight',
      conv({ kernel_shape: [5, 5] }),
      "node 'the conv' (Conv, opset 17) has kernel_shape [5, 5], but a weight [1, 1, 3, 3]",
    ],
    [
      'a stride of 0',
      conv({ strides: [0, 1] }),
      "node 'the conv' (Conv, opset 17) cannot be: conv2d: non-positive stride is not supported",
    ],
    ['negative pads', conv({ pads: [-1, 0, 0, 0] }), 'negative padding is not supported'],
    [
      'more inputs than a call can have',
      model({
        nodes: [node('Concat', Array.from({ length: 16385 }, () => 'x').join(' '), 'y', { axis: 1 })],
      }),
      'has 16385 inputs; convkit takes at most 16384',
    ],
    ['too few pads', conv({ pads: [1, 1] }), 'has pads=[1, 1] for 4 dimensions'],
    [
      'an attribute of another kind',
      conv({ group: 'two' }),
      "has an attribute 'group' of kind string, where int belongs",
    ],
    [
      'a word that is none',
      conv({ auto_pad: 'SAME' }),
      "has auto_pad='SAME'; convkit does 'NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'",
    ],
    ['four spatial dimensions', conv({}, [1, 1, 1, 1, 1, 1]), 'has a weight of 6 dimensions'],
    [
      'constants that double and double',
      model({
        nodes: Array.from({ length: 60 }, (_, i) => node('Concat', `c${i} c${i}`, `c${i + 1}`, { axis: 0 })),
        initializers: [ints('c0', [1, 2])],
        outputs: [value('c60', null)],
      }),
      'more than shapes and weights need',
    ],
    [
      'a constant as large as memory',
      model({ nodes: [node('ConstantOfShape', 's', 'y')], initializers: [ints('s', [100000, 100000])] }),
      'makes constants of shape [100000, 100000]',
    ],
    [
      'endless counting',
      model({
        nodes: [node('Range', 'a b c', 'y')],
        initializers: ['a', 'b', 'c'].map((name, i) =>
          tensor({ name, dims: [], type: 7, raw: new Uint8Array(BigInt64Array.of([0n, 9n, 0n][i]).buffer) }),
        ),
      }),
      'counts from 0 to 9 by 0',
    ],
    [
      'a batch of statistics',
      model({
        nodes: [node('BatchNormalization', 'x c c c c', 'y', { training_mode: 1 })],
        initializers: [floats('c', [1], [1])],
      }),
      'is in training mode',
    ],
    ...(
      [
        ['', 'x', "has an equation '' of 1 terms for 2 inputs"],
        ['ij->i->j', 'x', "has an equation 'ij->i->j' that is none"],
        ['i.j->i', 'x', 'that is none'],
        ['ij->i1', 'x', 'that is none'],
        [`${'ij,'.repeat(99)}`, 'x', 'longer than 200 characters'],
        ['ij,jk', 'x', "has an equation 'ij,jk' of 2 terms for 1 inputs"],
        ['ii->i', 'x', "has 'i' twice in 'ii'; convkit takes no diagonals"],
        ['ij->jkj', 'x', "has 'j' twice in 'jkj'"],
        ['ij->ik', 'x', "makes a dimension 'k' that no input has"],
      ] as const
    ).map(([equation, inputs, law]): [string, Uint8Array, string] => [
      `the equation '${equation.slice(0, 20)}'`,
      model({ nodes: [node('Einsum', equation === '' ? 'x x' : inputs, 'y', { equation })] }),
      law,
    ]),
    [
      'a running sum along a computed dimension',
      model({ nodes: [node('CumSum', 'x x', 'y')] }),
      'computes its axis in the graph',
    ],
    [
      'an output that is not computed',
      model({ nodes: [node('MaxPool', 'x', 'p i', { kernel_shape: [2] }), node('Relu', 'i', 'y')] }),
      "(Relu, opset 17) reads 'i', but of node 'MaxPool-p i' (MaxPool, opset 17) convkit makes the first output only",
    ],
    [
      'a result that is not computed',
      model({ nodes: [node('Dropout', 'x', 'y z')], outputs: [value('y', null), value('z', null)] }),
      "has an output 'z', but of node 'Dropout-y z' (Dropout, opset 17) convkit makes the first output only",
    ],
  ])('%s', async (_, bytes, law) => {
    const loading = io.loadOnnx(bytes);
    await expect(loading).rejects.toThrow(law);
    await expect(loading).rejects.toThrow(RangeError);
  });

  test('what is neither a path nor bytes', async () => {
    await expect(Reflect.apply(io.loadOnnx, null, [7])).rejects.toThrow(
      'loadOnnx: expected the path of a file, or its bytes, not 7',
    );
  });

  test('every truncation of a model', async () => {
    const bytes = model({ nodes: [add], initializers: [floats('c', [3], [1, 2, 3])] });
    for (let length = 0; length < bytes.length; length++) {
      await expect(io.loadOnnx(bytes.subarray(0, length))).rejects.toThrow(/^loadOnnx: /);
    }
  });
});

describe('the module', () => {
  const weight = floats('block.conv.weight', [2, 1, 1, 1], [1, 2]);
  const bias = floats('block.conv.bias', [2], [0.5, -0.5]);
  const twoOutputs = model({
    nodes: [
      node('Conv', 'x block.conv.weight block.conv.bias', 'c', {}, 'n0'),
      node('Relu', 'c', 'y', {}, 'n1'),
      node('GlobalAveragePool', 'c', 'z', {}, 'n2'),
    ],
    inputs: [value('x', ['batch', 1, 'height', 'width'])],
    outputs: [value('y', null), value('z', null)],
    initializers: [weight, bias],
  });

  test('has the names of the weights, prints its nodes, and gives several outputs by name', async () => {
    const net = await io.loadOnnx(twoOutputs);
    expect(Object.keys(net.stateDict())).toEqual(['block.conv.weight', 'block.conv.bias']);
    expect(net.parameters().length).toBe(2);
    expect(String(net)).toBe(
      'GraphModule(\n  x [batch, 1, height, width] -> y, z; opset 17, by a test\n' +
        '  (block.conv): Conv(1, 2, kernel=[1, 1])\n  (n1): Relu()\n  (n2): GlobalAveragePool()\n)',
    );
    expect([net.inputs, net.outputs, net.opset]).toEqual([
      [{ name: 'x', shape: ['batch', 1, 'height', 'width'] }],
      ['y', 'z'],
      17,
    ]);
    const image = Tensor.from([[[[1, -1]]]]);
    const { y, z } = net.forwardNamed({ x: image });
    expect(y.toArray()).toEqual([[[[1.5, 0]], [[1.5, 0]]]]);
    expect(z.toArray()).toEqual([[[[0.5]], [[-0.5]]]]);
    expect(Object.keys(net.forward(image))).toEqual(['y', 'z']);
    const session = await compile(net, { inputShape: [1, 1, 1, 2], outputs: ['n1', 'n2'] });
    expect(session.runSync(image).n2.toArray()).toEqual(z.toArray());
  });

  test('compiles with all of its outputs, or with those named', async () => {
    const net = await io.loadOnnx(twoOutputs);
    const image = Tensor.from([[[[1, -1]]]]);
    const eager = net.forwardNamed(image);
    const shape = { inputShape: [1, 1, 1, 2] };
    const all: unknown = (await compile(net, shape)).runSync(image);
    expect(all).toEqual({ y: expect.any(Tensor), z: expect.any(Tensor) });
    expect(Object.values(all as Record<string, Tensor>).map((one) => one.toArray())).toEqual(
      Object.values(eager).map((one) => one.toArray()),
    );
    const some = await compile(net, { ...shape, outputs: ['z', 'n1'] });
    const named = await some.run(image);
    expect(Object.keys(named)).toEqual(['z', 'n1']);
    expect(named.z.toArray()).toEqual(eager.z.toArray());
    await expect(compile(net, { ...shape, outputs: ['w'] })).rejects.toThrow("there is no module 'w'");
  });

  test('refuses inputs that the file does not declare', async () => {
    const net = await io.loadOnnx(twoOutputs);
    expect(() => net.forward(Tensor.zeros([1, 2, 3, 3]))).toThrow(
      "forward: the file declares input 'x' as [batch, 1, height, width], but it is [1, 2, 3, 3]",
    );
    expect(() => net.forward(Tensor.zeros([1, 3, 3]))).toThrow('but it is [1, 3, 3]');
    expect(() => net.forward({ w: Tensor.zeros([1]) })).toThrow("there is no input 'w'; the inputs are 'x'");
    expect(() => net.forward(Tensor.zeros([1, 1, 1, 1]), Tensor.zeros([1]))).toThrow(
      '2 inputs were given, but the network has 1',
    );
    expect(() => Reflect.apply(net.forward, net, [undefined])).toThrow(
      "input 'x' must be a Tensor, not undefined",
    );
  });

  test('names an operation that fails by its node', async () => {
    const net = await io.loadOnnx(
      model({ nodes: [node('Reshape', 'x s', 'y', {}, 'the reshape')], initializers: [ints('s', [7])] }),
    );
    expect(() => net.forward(Tensor.zeros([6]))).toThrow("(in node 'the reshape')");
  });

  test('sizes of one name are the same', async () => {
    const inputs = [value('a', ['n', 2]), value('b', ['n', 2])];
    const net = await io.loadOnnx(model({ nodes: [node('Add', 'a b', 'y')], inputs }));
    expect(net.forward(Tensor.ones([3, 2]), Tensor.ones([3, 2])).shape).toEqual([3, 2]);
    expect(() => net.forward(Tensor.ones([3, 2]), Tensor.ones([1, 2]))).toThrow(
      "input 'b' as [n, 2], but it is [1, 2]",
    );
  });

  test('runs in the background on inputs as they were, and is aborted', async () => {
    const net = await io.loadOnnx(twoOutputs);
    const image = Tensor.from([[[[1, -1]]]]);
    const running = net.forwardAsync(image, { signal: undefined });
    image.data.fill(9);
    const outputs = await running;
    expect(Reflect.get(outputs, 'y').toArray()).toEqual([[[[1.5, 0]], [[1.5, 0]]]]);
    await expect(net.forwardAsync(image, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });

  test('trains: one step of its weights is that of the same layers', async () => {
    const net = await io.loadOnnx(
      model({
        nodes: [
          node('Conv', 'x c.weight c.bias', 'a'),
          node('Relu', 'a', 'r'),
          node('Flatten', 'r', 'f'),
          node('Gemm', 'f l.weight l.bias', 'y', { transB: 1 }),
        ],
        initializers: [
          floats('c.weight', [2, 1, 2, 2], [1, -1, 0.5, 0.25, -0.5, 1, 1, 0.75]),
          floats('c.bias', [2], [0.1, -0.1]),
          floats(
            'l.weight',
            [2, 8],
            Array.from({ length: 16 }, (_, i) => (i - 7) / 8),
          ),
          floats('l.bias', [2], [0, 1]),
        ],
      }),
    );
    const layers = new nn.Sequential(
      new nn.Conv2d(1, 2, 2),
      new nn.ReLU(),
      new nn.Flatten(),
      new nn.Linear(8, 2),
    );
    const dict = net.stateDict();
    expect(Object.keys(dict)).toEqual(['c.weight', 'c.bias', 'l.weight', 'l.bias']);
    layers.loadStateDict({
      '0.weight': dict['c.weight'],
      '0.bias': dict['c.bias'],
      '3.weight': dict['l.weight'],
      '3.bias': dict['l.bias'],
    });
    const images = Tensor.randn([4, 1, 3, 3], { seed: 1 });
    const results = [net, layers].map((module) => {
      const optimizer = new optim.SGD(module.parameters(), { lr: 0.1 });
      ops.crossEntropy(module.forward(images), [0, 1, 1, 0]).backward();
      optimizer.step();
      return module.parameters().map((tensor) => [...tensor.data]);
    });
    expect(results[0]).toEqual(results[1]);
  });

  test('compiles to the steps and bits of the same network made by hand, normalisation folded', async () => {
    class Block extends nn.Module {
      conv1 = new nn.Conv2d(16, 16, 3, { padding: 1, bias: false });
      bn1 = new nn.BatchNorm2d(16, { activation: 'relu' });
      conv2 = new nn.Conv2d(16, 16, 3, { padding: 1, bias: false });
      bn2 = new nn.BatchNorm2d(16, { activation: 'relu' });
      pool = new nn.AdaptiveAvgPool2d(1);
      fc = new nn.Linear(16, 5);
      override forward(input: Tensor): Tensor {
        const y = this.conv2.forward(this.bn1.forward(this.conv1.forward(input)));
        const z = this.bn2.forward(y, { residual: input });
        return this.fc.forward(ops.flatten(this.pool.forward(z), { startDim: 1 }));
      }
    }
    const net = new Block();
    for (const [, tensor] of net.namedBuffers()) if (tensor.shape.length > 0) tensor.data.fill(0.75);
    const initializers = Object.entries(net.stateDict())
      .filter(([name]) => !name.endsWith('num_batches_tracked'))
      .map(([name, { shape, data }]) => floats(name, shape, [...data]));
    const normalized = (input: string, name: string, output: string) =>
      node(
        'BatchNormalization',
        `${input} ${['weight', 'bias', 'running_mean', 'running_var'].map((part) => `${name}.${part}`).join(' ')}`,
        output,
      );
    const pads = { pads: [1, 1, 1, 1] };
    const nodes = [
      node('Conv', 'x conv1.weight', 'a', pads),
      normalized('a', 'bn1', 'b'),
      node('Relu', 'b', 'c'),
      node('Conv', 'c conv2.weight', 'd', pads),
      normalized('d', 'bn2', 'e'),
      node('Add', 'e x', 'f'),
      node('Relu', 'f', 'g'),
      node('ReduceMean', 'g', 'h', { axes: [-1, -2] }),
      node('Flatten', 'h', 'i'),
      node('Gemm', 'i fc.weight fc.bias', 'y', { transB: 1 }),
    ];
    const loaded = await io.loadOnnx(model({ nodes, initializers }));
    const names = Object.keys(net.stateDict()).filter((name) => !name.endsWith('num_batches_tracked'));
    expect(Object.keys(loaded.stateDict()).sort()).toEqual(names.sort());
    const shape = { inputShape: [2, 16, 12, 12] };
    const [session, reference] = [await compile(loaded, shape), await compile(net, shape)];
    const steps = ({ steps }: ReturnType<typeof session.summary>) =>
      steps.map(({ operation, algorithm }) => [operation, algorithm]);
    expect(steps(session.summary())).toEqual(steps(reference.summary()));
    const images = Tensor.randn(shape.inputShape, { seed: 2 });
    expect(session.runSync(images).data).toEqual(reference.runSync(images).data);
    expect(loaded.forward(images).data).toEqual(net.eval().forward(images).data);
  });
});
