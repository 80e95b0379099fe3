// PyTorch's errors of convolution layers, one by one: the words that people search for come out here too, and at
// construction wherever construction can know. What PyTorch refuses and convkit does stands at the end.

import { describe, expect, test } from 'vitest';
import { nn, ShapeError, Tensor } from '../../lib/index.js';

const x = Tensor.zeros([1, 4, 8, 8]);
const layer = (name: string, ...args: unknown[]): nn.Module => {
  const Layer: unknown = Reflect.get(nn, name);
  if (typeof Layer !== 'function') throw new Error(`there is no nn.${name}`);
  return Reflect.construct(Layer, args);
};

const atConstruction: [string, unknown[], new () => Error, string][] = [
  ['Conv2d', [3, 4, 3, { groups: 2 }], RangeError, 'in_channels must be divisible by groups'],
  ['Conv2d', [4, 3, 3, { groups: 2 }], RangeError, 'out_channels must be divisible by groups'],
  ['Conv2d', [4, 4, 3, { groups: 0 }], RangeError, 'groups must be a positive integer'],
  [
    'Conv2d',
    [4, 4, 3, { padding: 'SAME' }],
    RangeError,
    "Invalid padding string 'SAME', should be one of {'same', ",
  ],
  [
    'Conv2d',
    [4, 4, 3, { paddingMode: 'zero' }],
    RangeError,
    "paddingMode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got paddingMode='zero'",
  ],
  ['Conv2d', [4, 4, 3, { stride: 0 }], RangeError, 'non-positive stride is not supported'],
  ['Conv2d', [4, 4, 3, { padding: -1 }], RangeError, 'negative padding is not supported'],
  ['Conv2d', [4, 4, 3, { dilation: 0 }], RangeError, 'dilation should be greater than zero'],
  ['Conv2d', [4, 4, 0], RangeError, 'kernel size should be greater than zero'],
  [
    'Conv2d',
    [4, 4, [3, 3, 3]],
    RangeError,
    'expected kernelSize to be a single number or a list of 2 numbers',
  ],
  [
    'ConvTranspose2d',
    [4, 4, 3, { paddingMode: 'reflect' }],
    RangeError,
    'Only "zeros" padding mode is supported for ConvTranspose2d',
  ],
  [
    'ConvTranspose2d',
    [4, 4, 3, { stride: 2, outputPadding: 2 }],
    RangeError,
    'output padding must be smaller than either stride or dilation',
  ],
  ['MaxPool2d', [2, { padding: 2 }], RangeError, 'pad should be at most half of effective kernel size'],
];

const atForward: [string, unknown[], Tensor, string][] = [
  [
    'Conv2d',
    [4, 4, 3],
    Tensor.zeros([1, 3, 8, 8]),
    'Given groups=1, weight of size [4, 4, 3, 3], expected input[1, 3, 8, 8] to have 4 channels, but got 3 channels instead',
  ],
  [
    'Conv2d',
    [4, 4, 3],
    Tensor.zeros([8, 8]),
    'Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [8, 8]',
  ],
  [
    'Conv2d',
    [4, 4, 9],
    x,
    "Calculated padded input size per channel: (8 x 8). Kernel size: (9 x 9). Kernel size can't be greater than actual input size",
  ],
  [
    'Conv2d',
    [4, 4, 3, { padding: 8, paddingMode: 'reflect' }],
    x,
    'Padding size should be less than the corresponding input dimension',
  ],
  [
    'Conv2d',
    [4, 4, 3, { padding: 9, paddingMode: 'circular' }],
    x,
    'Padding value causes wrapping around more than once',
  ],
  [
    'ConvTranspose2d',
    [4, 2, 3, { padding: 6 }],
    x,
    'Given input size per channel: (8 x 8). Calculated output size per channel: (-2 x -2). Output size is too small',
  ],
  ['MaxPool2d', [9], x, 'Output size is too small'],
];

describe('PyTorch refuses, and so does convkit', () => {
  test.each(atConstruction)('new %s(%j)', (name, args, Class, words) => {
    const construct = () => layer(name, ...args);
    expect(construct).toThrow(Class);
    expect(construct).toThrow(`${name}: `);
    expect(construct).toThrow(words);
  });

  test.each(atForward)('%s(%j) of such an input', (name, args, input, words) => {
    const forward = () => layer(name, ...args).forward(input);
    expect(forward).toThrow(ShapeError);
    expect(forward).toThrow(words);
  });

  test('an output size that no transposed convolution has', () => {
    const up = new nn.ConvTranspose2d(4, 4, 3, { stride: 2 });
    const forward = () => up.forward(x, { outputSize: [30, 30] });
    expect(forward).toThrow(ShapeError);
    expect(forward).toThrow(
      'requested an output size of (30, 30), but valid sizes range from [17, 17] to [18, 18] (for an input of [8, 8]',
    );
  });

  test('numbers of another type', () => {
    const data: unknown = new Float64Array(4);
    expect(() => Reflect.construct(Tensor, [data, [4]])).toThrow(
      'data must be a Float32Array, not a Float64Array of length 4',
    );
  });

  test('a state dict that does not fit', () => {
    const net = new nn.Sequential(new nn.ConvTranspose1d(2, 4, 3));
    const load = () => net.loadStateDict({ '0.weight': Tensor.zeros([4, 2, 3]), x: Tensor.zeros([1]) });
    expect(load).toThrow(ShapeError);
    expect(load).toThrow(
      'Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: "0.bias".\n\tUnexpected key(s) in state_dict: "x".\n\t' +
        'size mismatch for 0.weight: copying a param with shape [4, 2, 3] from checkpoint, the shape in current model is [2, 4, 3].',
    );
  });
});

describe('PyTorch refuses, and convkit does', () => {
  test("padding 'same' with a stride: TensorFlow's rule", () => {
    expect(new nn.Conv2d(4, 2, 3, { padding: 'same', stride: 2 }).forward(x).shape).toEqual([1, 2, 4, 4]);
    expect(
      new nn.Conv1d(4, 2, 3, { padding: 'same', stride: 3 }).forward(Tensor.zeros([4, 8])).shape,
    ).toEqual([2, 3]);
  });

  test("padding 'same' of a transposed convolution: the size times the stride", () => {
    expect(new nn.ConvTranspose2d(4, 2, 3, { padding: 'same', stride: 2 }).forward(x).shape).toEqual([
      1, 2, 16, 16,
    ]);
  });

  test('padding by more than the size with replicate, and by pairs', () => {
    const conv = new nn.Conv2d(4, 2, 3, {
      padding: [
        [9, 0],
        [0, 1],
      ],
      paddingMode: 'replicate',
    });
    expect(conv.forward(x).shape).toEqual([1, 2, 15, 7]);
  });
});
