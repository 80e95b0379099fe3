// The size formulas, against counting windows one by one, and the worked examples of the literature.
import { describe, expect, it } from 'vitest';
import { analysis, nn, ShapeError, Tensor } from '../../lib/index.js';
import { Random } from '../support/random.js';

describe('the literature', () => {
  it('a 3x3 kernel with stride 1 and padding 1 keeps 32 x 32', () => {
    expect(analysis.outputSize({ size: [32, 32], kernelSize: 3, stride: 1, padding: 1 })).toEqual([32, 32]);
    expect(analysis.outputSize({ size: 32, kernelSize: 3, stride: 1, padding: 1, dilation: 1 })).toBe(32);
  });

  it('stride 2 makes 16 x 16 of 32 x 32', () => {
    expect(analysis.outputSize({ size: [32, 32], kernelSize: 3, stride: 2, padding: 1 })).toEqual([16, 16]);
  });

  it('a 3x3 kernel with dilation 2 and 4 reaches over 5 and 9', () => {
    expect(analysis.effectiveKernelSize(3, 2)).toBe(5);
    expect(analysis.effectiveKernelSize(3, 4)).toBe(9);
    expect(analysis.effectiveKernelSize([3, 3, 1], [2, 4, 7])).toEqual([5, 9, 1]);
    expect(analysis.effectiveKernelSize(3, [2, 4])).toEqual([5, 9]);
  });

  it("DCGAN's 4x4 kernel with stride 2 and padding 1 doubles", () => {
    for (const size of [4, 8, 16, 32]) {
      expect(analysis.transposedOutputSize({ size, kernelSize: 4, stride: 2, padding: 1 })).toBe(2 * size);
    }
  });
});

/** How many windows fit, by trying every place. */
function windows(size: number, kernel: number, stride: number, dilation: number, begin: number, end: number) {
  let count = 0;
  for (let at = -begin; at + dilation * (kernel - 1) < size + end; at += stride) count++;
  return count;
}

describe('outputSize', () => {
  it('counts the windows that fit', () => {
    const random = new Random(11);
    for (let round = 0; round < 500; round++) {
      const [size, kernelSize, stride, dilation] = [30, 5, 4, 3].map((most) => random.between(1, most));
      const [begin, end] = [random.between(0, 4), random.between(0, 4)];
      const options = { size, kernelSize, stride, dilation, padding: [begin, end] as const };
      const expected = windows(size, kernelSize, stride, dilation, begin, end);
      if (expected === 0) expect(() => analysis.outputSize(options)).toThrow(ShapeError);
      else expect(analysis.outputSize(options), JSON.stringify(options)).toBe(expected);
    }
  });

  it('knows the rules of padding by name', () => {
    const with_ = (padding: 'same' | 'same-lower' | 'valid' | 'causal') =>
      analysis.outputSize({ size: 10, kernelSize: 4, stride: 3, padding });
    expect(with_('same')).toBe(4);
    expect(with_('same-lower')).toBe(4);
    expect(with_('valid')).toBe(3);
    expect(with_('causal')).toBe(4);
  });

  it('takes sizes per axis with padding per axis', () => {
    const padding = [[0, 1], 2] as const;
    expect(analysis.outputSize({ size: [5, 9], kernelSize: [2, 3], padding })).toEqual([5, 11]);
  });

  it('says what is wrong, in the words of layers', () => {
    expect(() => analysis.outputSize({ size: 2, kernelSize: 3 })).toThrow(
      "outputSize: Calculated padded input size per channel: (2). Kernel size: (3). Kernel size can't be greater than actual input size",
    );
    expect(() => analysis.outputSize({ size: 8, kernelSize: 0 })).toThrow(
      'outputSize: kernel size should be greater than zero, but got kernelSize=0',
    );
    expect(() => analysis.outputSize({ size: 8, kernelSize: 3, stride: 0 })).toThrow('non-positive stride');
    expect(() => analysis.outputSize({ size: [8, 8, 8, 8], kernelSize: 3 })).toThrow('1 to 3 numbers');
    expect(() => analysis.outputSize({ size: [8, 8], kernelSize: 3, padding: 'causal' })).toThrow("'causal'");
    for (const size of [analysis.outputSize, analysis.transposedOutputSize, analysis.samePadding]) {
      expect(() => Reflect.apply(size, null, [])).toThrow(`${size.name}: kernelSize must be a number`);
    }
    const misspelt: object = { size: 8, kernelSize: 3, strides: 2 };
    expect(() => Reflect.apply(analysis.outputSize, null, [misspelt])).toThrow("did you mean 'stride'?");
    expect(() => Reflect.apply(analysis.outputSize, null, [{ kernelSize: 3 }])).toThrow(TypeError);
  });
});

describe('transposedOutputSize', () => {
  it('undoes outputSize, with the output padding that the stride left over', () => {
    const random = new Random(12);
    for (let round = 0; round < 300; round++) {
      const [size, kernelSize, stride, dilation] = [30, 5, 4, 3].map((most) => random.between(1, most));
      const padding = random.between(0, 2);
      const free = size + 2 * padding - dilation * (kernelSize - 1) - 1;
      if (free < 0) continue;
      const small = analysis.outputSize({ size, kernelSize, stride, dilation, padding });
      const options = { kernelSize, stride, dilation, padding, outputPadding: free % stride };
      expect(analysis.transposedOutputSize({ size: small, ...options })).toBe(size);
    }
  });

  it('refuses what leaves nothing, and knows same', () => {
    const none = { size: 1, kernelSize: 2, padding: 1 };
    expect(() => analysis.transposedOutputSize(none)).toThrow('Output size is too small');
    expect(
      analysis.transposedOutputSize({ size: [4, 5], kernelSize: 3, stride: 2, padding: 'same' }),
    ).toEqual([8, 10]);
    const wide = { size: 4, kernelSize: 3, stride: 2, outputPadding: 2 };
    expect(() => analysis.transposedOutputSize(wide)).toThrow('output padding must be smaller than either');
  });
});

describe('samePadding', () => {
  it("is TensorFlow's: ceil(size / stride) windows, the odd position at the end", () => {
    expect(analysis.samePadding({ size: 5, kernelSize: 2 })).toEqual([0, 1]);
    expect(analysis.samePadding({ size: 224, kernelSize: 7, stride: 2 })).toEqual([2, 3]);
    expect(analysis.samePadding({ size: 4, kernelSize: 1, stride: 3 })).toEqual([0, 0]);
    const random = new Random(13);
    for (let round = 0; round < 300; round++) {
      const [size, kernelSize, stride, dilation] = [30, 5, 4, 3].map((most) => random.between(1, most));
      const padding = analysis.samePadding({ size, kernelSize, stride, dilation });
      expect(padding[1] - padding[0] === 0 || padding[1] - padding[0] === 1).toBe(true);
      const output = analysis.outputSize({ size, kernelSize, stride, dilation, padding });
      expect(output).toBe(Math.ceil(size / stride));
    }
  });

  it('gives pairs that a layer takes', () => {
    const padding = analysis.samePadding({ size: [9, 12], kernelSize: [4, 3], stride: 2 });
    const conv = new nn.Conv2d(1, 1, [4, 3], { stride: 2, padding });
    expect(conv.forward(Tensor.zeros([1, 1, 9, 12])).shape).toEqual([1, 1, 5, 6]);
  });
});
