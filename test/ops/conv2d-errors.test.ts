// Wrong input to conv2d: the class of the error, and the words that people search for.

import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';

const x = Tensor.zeros([1, 3, 8, 8]);
const weight = Tensor.zeros([4, 3, 3, 3]);

/** Calls without the compiler's protection, as JavaScript does. */
const conv2d = (...args: unknown[]) => Reflect.apply(ops.conv2d, null, args);

const endless: unknown[] = [];
endless.push(endless);

const wrong: [string, unknown[], new () => Error, string | RegExp][] = [
  [
    'x as an array',
    [new Float32Array(4), weight],
    TypeError,
    'x must be a Tensor, not a Float32Array of length 4; use Tensor.from(nested) or new Tensor(array, shape)',
  ],
  ['no weight', [x], TypeError, 'weight must be a Tensor, not undefined'],
  [
    'options for a bias',
    [x, weight, { stride: 2 }],
    TypeError,
    'bias must be a Tensor or null, not an object; options are the argument after it',
  ],
  [
    '4 channels',
    [x, Tensor.zeros([4, 4, 3, 3])],
    ShapeError,
    'conv2d: Given groups=1, weight of size [4, 4, 3, 3], expected input[1, 3, 8, 8] to have 4 channels, but got 3 channels instead',
  ],
  [
    'channels at the end',
    [Tensor.zeros([1, 8, 8, 3]), weight],
    ShapeError,
    'but got 8 channels instead; the channels of x come before its height and width',
  ],
  [
    'x of rank 2',
    [Tensor.zeros([8, 8]), weight],
    ShapeError,
    'Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [8, 8]',
  ],
  [
    'weight of rank 3',
    [x, Tensor.zeros([4, 3, 3])],
    ShapeError,
    'weight must be [outChannels, inChannels / groups, kernelHeight, kernelWidth], but got weight of size: [4, 3, 3]',
  ],
  [
    'bias of another length',
    [x, weight, Tensor.zeros([3])],
    ShapeError,
    'expected bias to be 1-dimensional with 4 elements, but got bias of size [3] instead',
  ],
  [
    'a kernel too large',
    [x, Tensor.zeros([4, 3, 9, 9])],
    ShapeError,
    "Calculated padded input size per channel: (8 x 8). Kernel size: (9 x 9). Kernel size can't be greater than actual input size",
  ],
  ['a dilated kernel too large', [x, weight, null, { dilation: 4 }], ShapeError, 'Kernel size: (9 x 9)'],
  ['an empty kernel', [x, Tensor.zeros([4, 3, 0, 3])], ShapeError, 'kernel size should be greater than zero'],
  ['no filters', [x, Tensor.zeros([0, 3, 3, 3])], ShapeError, 'weight must have channels'],
  [
    'an empty image',
    [Tensor.zeros([1, 3, 0, 8]), weight],
    ShapeError,
    'input must have non-zero size for dimensions other than batch, but got input of size: [1, 3, 0, 8]',
  ],
  [
    'filters that groups do not divide',
    [x, Tensor.zeros([4, 1, 3, 3]), null, { groups: 3 }],
    ShapeError,
    'out_channels must be divisible by groups',
  ],
  [
    'groups of 0',
    [x, weight, null, { groups: 0 }],
    RangeError,
    'groups must be a positive integer, but got groups=0',
  ],
  [
    'stride 0',
    [x, weight, null, { stride: 0 }],
    RangeError,
    'non-positive stride is not supported, but got stride=0',
  ],
  [
    'stride NaN',
    [x, weight, null, { stride: Number.NaN }],
    RangeError,
    'stride must be a whole number, but got stride=NaN',
  ],
  [
    'stride 1.5',
    [x, weight, null, { stride: [1, 1.5] }],
    RangeError,
    'stride must be a whole number, but got stride=1.5',
  ],
  [
    'a string for a stride',
    [x, weight, null, { stride: '2' }],
    TypeError,
    "stride must be a number, not '2'",
  ],
  [
    'three strides',
    [x, weight, null, { stride: [1, 1, 1] }],
    RangeError,
    'expected stride to be a single number or a list of 2 numbers, but got stride=[1, 1, 1]',
  ],
  [
    'a gigantic stride',
    [x, weight, null, { stride: 2 ** 40 }],
    RangeError,
    'stride must be at most 2147483647',
  ],
  ['padding -1', [x, weight, null, { padding: -1 }], RangeError, 'negative padding is not supported'],
  [
    'padding -1 in a pair',
    [x, weight, null, { padding: [[0, -1], 0] }],
    RangeError,
    'negative padding is not supported',
  ],
  [
    'a padding triple',
    [x, weight, null, { padding: [[0, 1, 2], 0] }],
    RangeError,
    'a padding pair is [begin, end]',
  ],
  [
    "padding 'SAME'",
    [x, weight, null, { padding: 'SAME' }],
    RangeError,
    "Invalid padding string 'SAME', should be one of {'same', 'same-lower', 'valid'}",
  ],
  [
    'an object for padding',
    [x, weight, null, { padding: {} }],
    TypeError,
    /padding must be a number, a list/,
  ],
  [
    'dilation 0',
    [x, weight, null, { dilation: 0 }],
    RangeError,
    'dilation should be greater than zero, but got dilation=0',
  ],
  [
    "paddingMode 'zero'",
    [x, weight, null, { paddingMode: 'zero' }],
    RangeError,
    "paddingMode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got paddingMode='zero'; did you mean 'zeros'?",
  ],
  [
    'reflection past the edge',
    [x, weight, null, { padding: 8, paddingMode: 'reflect' }],
    ShapeError,
    'Padding size should be less than the corresponding input dimension',
  ],
  [
    'a circle twice round',
    [x, weight, null, { padding: 9, paddingMode: 'circular' }],
    ShapeError,
    'Padding value causes wrapping around more than once',
  ],
  ["activation 'reLU'", [x, weight, null, { activation: 'reLU' }], RangeError, "did you mean 'relu'?"],
  [
    'a slope with relu',
    [x, weight, null, { activation: 'relu', negativeSlope: 0.1 }],
    RangeError,
    "negativeSlope is read with 'leakyRelu' only",
  ],
  [
    'an infinite slope',
    [x, weight, null, { activation: 'leakyRelu', negativeSlope: 1e40 }],
    RangeError,
    'negativeSlope must be finite',
  ],
  [
    "algorithm 'winograd' with a stride",
    [x, weight, null, { algorithm: 'winograd', stride: 2 }],
    RangeError,
    "algorithm 'winograd' needs a 3x3 kernel, stride 1 and groups=1",
  ],
  [
    "algorithm 'fft'",
    [x, weight, null, { algorithm: 'fft' }],
    RangeError,
    "algorithm must be one of {'auto', 'direct', 'winograd'}",
  ],
  [
    'an unknown option',
    [x, weight, null, { strides: 2 }],
    TypeError,
    "there is no option 'strides'; did you mean 'stride'?",
  ],
  [
    "Python's spelling",
    [x, weight, null, { padding_mode: 'zeros' }],
    TypeError,
    "did you mean 'paddingMode'?",
  ],
  ['options as a number', [x, weight, null, 2], TypeError, 'options must be an object, not 2'],
  ['an output beyond counting', [x, weight, null, { padding: 2 ** 31 - 1 }], RangeError, 'conv2d: '],
  [
    'a list that contains itself',
    [x, weight, null, { stride: endless }],
    RangeError,
    'a list of 2 numbers, but got stride=[[[[…]]]]',
  ],
  [
    'a padding mode that resembles none',
    [x, weight, null, { paddingMode: 'x'.repeat(200) }],
    RangeError,
    /must be one of \{'zeros', 'reflect', 'replicate', 'circular'\}, but got paddingMode='x{80}…'$/,
  ],
];

describe.each(contenders())('$name', (contender) => {
  test.each(wrong)('%s', (_, args, kind, words) => {
    contender.use();
    let caught: unknown;
    try {
      conv2d(...args);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(Error);
    if (!(caught instanceof Error)) return;
    expect(caught.constructor).toBe(kind);
    expect(caught.message).toMatch(/^conv2d: /);
    expect(caught.message).toMatch(words);
  });

  test('buffers detached after the tensor was made', () => {
    contender.use();
    for (const which of [0, 1, 2]) {
      const tensors = [Tensor.zeros([1, 1, 3, 3]), Tensor.zeros([1, 1, 2, 2]), Tensor.zeros([1])];
      const { buffer } = tensors[which].data;
      if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
      expect(() => conv2d(...tensors)).toThrow(TypeError);
      expect(() => conv2d(...tensors)).toThrow(/detached/);
    }
  });
});
