// Laws of convolution, over drawn shapes and options. Whole numbers make both sides exact, so they must be equal; where
// floats are used, both sides are the same chain of operations, so their bits must be.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { bits, wholeNumbers } from '../support/bits.js';
import {
  combined,
  convOf,
  convTransposeOf,
  drawnConv,
  drawnInput,
  drawnWeight,
  inner,
  inputShape,
  numbers,
  optionsOf,
  part,
  turnedOver,
} from '../support/problems-drawn.js';

const runs = { numRuns: 40 };
const factor = fc.integer({ min: -3, max: 3 });

describe.each(backends())('convolution on $name', ({ use }) => {
  test('is linear in its input', () => {
    use();
    const law = fc.property(drawnConv(), factor, factor, (p, a, b) => {
      const conv = (x: Tensor) => convOf(p.rank)(x, drawnWeight(p), null, optionsOf(p));
      const [x, y] = [drawnInput(p), drawnInput(p, 1)];
      expect(numbers(conv(combined(a, x, b, y)))).toEqual(numbers(combined(a, conv(x), b, conv(y))));
    });
    fc.assert(law, runs);
  });

  test('is linear in its kernel', () => {
    use();
    const law = fc.property(drawnConv(), factor, factor, (p, a, b) => {
      const conv = (weight: Tensor) => convOf(p.rank)(drawnInput(p), weight, null, optionsOf(p));
      const [v, w] = [drawnWeight(p), drawnWeight(p, 1)];
      expect(numbers(conv(combined(a, v, b, w)))).toEqual(numbers(combined(a, conv(v), b, conv(w))));
    });
    fc.assert(law, runs);
  });

  test('commutes with translations by whole strides, bit for bit', () => {
    use();
    const law = fc.property(drawnConv(), fc.integer({ min: 1, max: 3 }), (p, steps) => {
      const options = { ...optionsOf(p), padding: 0 };
      const size = p.size.map((extent, i) => extent + 2 * p.padding[i]);
      const x = Tensor.randn([p.batch, p.groups * p.inputs, ...size], { seed: p.seed });
      const weight = Tensor.randn(drawnWeight(p).shape, { seed: p.seed + 1 });
      const moved = ops.pad(x, { padding: p.stride.map((stride): [number, number] => [steps * stride, 0]) });
      const conv = (image: Tensor) => convOf(p.rank)(image, weight, null, options);
      const back = ops.pad(conv(moved), { padding: p.stride.map((): [number, number] => [-steps, 0]) });
      expect(bits(back)).toEqual(bits(conv(x)));
    });
    fc.assert(law, runs);
  });

  test('with circular padding commutes with every rotation of the image, bit for bit', () => {
    use();
    const law = fc.property(drawnConv(), fc.nat(6), (p, turn) => {
      const options = { ...optionsOf(p), stride: 1, padding: 'same', paddingMode: 'circular' } as const;
      const size = p.size.map((extent, i) => extent + p.dilation[i] * (p.kernel[i] - 1));
      const x = Tensor.randn([p.batch, p.groups * p.inputs, ...size], { seed: p.seed });
      const weight = Tensor.randn(drawnWeight(p).shape, { seed: p.seed + 1 });
      const rotated = (image: Tensor): Tensor => {
        const shift = turn % size[p.rank - 1];
        return ops.pad(image, { padding: [[shift, -shift]], mode: 'circular' });
      };
      const conv = (image: Tensor) => convOf(p.rank)(image, weight, null, options);
      expect(bits(conv(rotated(x)))).toEqual(bits(rotated(conv(x))));
    });
    fc.assert(law, runs);
  });

  test('has the transposed convolution as its adjoint: <conv(x), y> = <x, convTranspose(y)>', () => {
    use();
    const law = fc.property(drawnConv(), (p) => {
      const [x, weight] = [drawnInput(p), drawnWeight(p)];
      const forward = convOf(p.rank)(x, weight, null, optionsOf(p));
      const y = wholeNumbers([...forward.shape], p.seed + 2, 6);
      const back = convTransposeOf(p.rank)(y, weight, null, { ...optionsOf(p), outputSize: p.size });
      expect(back.shape).toEqual(x.shape);
      expect(inner(forward, y)).toBe(inner(x, back));
    });
    fc.assert(law, runs);
  });

  test('in groups is one convolution a group, side by side', () => {
    use();
    const law = fc.property(drawnConv(), (p) => {
      const [x, weight] = [drawnInput(p), drawnWeight(p)];
      const whole = convOf(p.rank)(x, weight, null, optionsOf(p));
      const each = Array.from({ length: p.groups }, (_, g) => {
        const image = part(x, g * p.inputs, (g + 1) * p.inputs);
        const filters = part(weight, g * p.outputs, (g + 1) * p.outputs, 0);
        return convOf(p.rank)(image, filters, null, { ...optionsOf(p), groups: 1 });
      });
      expect(numbers(whole)).toEqual(numbers(ops.concat(each, { dim: 1 })));
    });
    fc.assert(law, runs);
  });

  test('depthwise is a convolution with as many groups as channels', () => {
    use();
    const law = fc.property(drawnConv(2), fc.integer({ min: 1, max: 12 }), (p, channels) => {
      const { stride, dilation, padding } = optionsOf(p);
      const separable = new nn.DepthwiseSeparableConv2d(channels, 3, p.kernel, {
        depthMultiplier: p.outputs,
        stride,
        dilation,
        padding,
      });
      const weight = wholeNumbers([channels * p.outputs, 1, ...p.kernel], p.seed, 6);
      const bias = wholeNumbers([channels * p.outputs], p.seed + 1, 6);
      const pointwise = wholeNumbers([3, channels * p.outputs, 1, 1], p.seed + 2, 6);
      separable.loadStateDict(
        { 'depthwise.weight': weight, 'depthwise.bias': bias, 'pointwise.weight': pointwise },
        { strict: false },
      );
      const x = wholeNumbers([p.batch, channels, ...p.size], p.seed + 3, 6);
      const grouped = ops.conv2d(x, weight, bias, { stride, dilation, padding, groups: channels });
      expect(numbers(separable.depthwise.forward(x))).toEqual(numbers(grouped));
      const each = Array.from({ length: channels }, (_, c) => {
        const own = [c * p.outputs, (c + 1) * p.outputs] as const;
        const options = { stride, dilation, padding };
        return ops.conv2d(part(x, c, c + 1), part(weight, ...own, 0), part(bias, ...own, 0), options);
      });
      expect(numbers(grouped)).toEqual(numbers(ops.concat(each, { dim: 1 })));
      const mixed = ops.conv2d(grouped, pointwise, separable.pointwise.bias);
      expect(bits(separable.forward(x))).toEqual(bits(mixed));
    });
    fc.assert(law, runs);
  });

  test('of one pixel is a linear layer at every pixel', () => {
    use();
    const law = fc.property(drawnConv(2), (p) => {
      const channels = p.groups * p.inputs;
      const [height, width] = p.size;
      const x = drawnInput(p);
      const weight = wholeNumbers([p.outputs, channels, 1, 1], p.seed + 1, 6);
      const bias = wholeNumbers([p.outputs], p.seed + 2, 6);
      const y = ops.conv2d(x, weight, bias).data;
      const image = x.data;
      for (let n = 0; n < p.batch; n++) {
        for (let pixel = 0; pixel < height * width; pixel++) {
          const at = (data: Float32Array, count: number) =>
            Float32Array.from({ length: count }, (_, c) => data[(n * count + c) * height * width + pixel]);
          const vector = new Tensor(at(image, channels), [channels]);
          const expected = ops.linear(vector, weight.reshape([p.outputs, channels]), bias);
          expect([...at(y, p.outputs)]).toEqual([...expected.data]);
        }
      }
    });
    fc.assert(law, { numRuns: 15 });
  });

  test('dilated is a convolution with the kernel that has zeros between its taps', () => {
    use();
    const law = fc.property(drawnConv(), (p) => {
      const weight = drawnWeight(p);
      const stuffed = p.kernel.map((k, i) => p.dilation[i] * (k - 1) + 1);
      const wide = Tensor.zeros([...weight.shape.slice(0, 2), ...stuffed]);
      const [taps, room] = [p.kernel, stuffed].map((sizes) => sizes.reduce((a, b) => a * b, 1));
      weight.data.forEach((tap, at) => {
        let rest = at % taps;
        let place = 0;
        for (let i = p.rank - 1, step = 1; i >= 0; step *= stuffed[i], i--) {
          place += (rest % p.kernel[i]) * p.dilation[i] * step;
          rest = Math.floor(rest / p.kernel[i]);
        }
        wide.data[Math.floor(at / taps) * room + place] = tap;
      });
      const conv = convOf(p.rank);
      const plain = conv(drawnInput(p), wide, null, { ...optionsOf(p), dilation: 1 });
      expect(numbers(conv(drawnInput(p), weight, null, optionsOf(p)))).toEqual(numbers(plain));
    });
    fc.assert(law, runs);
  });

  test('causal, however stacked, never depends on the future', () => {
    use();
    const law = fc.property(drawnConv(1), fc.nat(30), (p, moment) => {
      const channels = p.groups * p.inputs;
      const [kernel] = p.kernel;
      const layer = (dilation: number) =>
        new nn.Conv1d(channels, channels, kernel, { padding: 'causal', dilation, groups: p.groups });
      const net = new nn.Sequential(layer(1), new nn.Tanh(), layer(2), new nn.ReLU(), layer(p.dilation[0]));
      const length = p.size[0] + 4;
      const now = moment % length;
      const x = Tensor.randn([1, channels, length], { seed: p.seed });
      const later = new Tensor(
        x.data.map((value, i) => (i % length > now ? Number.NaN : value)),
        x.shape,
      );
      const upToNow = (y: Tensor) => bits(ops.pad(y, { padding: [[0, now + 1 - length]] }));
      const y = net.forward(x);
      expect(y.shape).toEqual(x.shape);
      expect(upToNow(net.forward(later))).toEqual(upToNow(y));
    });
    fc.assert(law, runs);
  });

  test('twice without an activation between is one convolution with the convolved kernels', () => {
    use();
    const law = fc.property(drawnConv(2), fc.integer({ min: 1, max: 3 }), (p, size) => {
      const channels = p.groups * p.inputs;
      const [kh, kw] = p.kernel;
      const first = wholeNumbers([p.outputs, channels, kh, kw], p.seed, 3);
      const second = wholeNumbers([2, p.outputs, size, size], p.seed + 1, 3);
      const x = wholeNumbers(
        [p.batch, channels, p.size[0] + kh + size, p.size[1] + kw + size],
        p.seed + 2,
        3,
      );

      // Tap t of the one kernel: the sum over all a + b = t of second[a] first[b]. Padding all round gives every such pair.
      const both = Tensor.zeros([2, channels, kh + size - 1, kw + size - 1]);
      for (let k = 0; k < 2; k++) {
        const filters = part(second, k, k + 1, 0);
        for (let c = 0; c < channels; c++) {
          const taps = part(first, c, c + 1).reshape([1, p.outputs, kh, kw]);
          const turned = turnedOver(filters);
          const full = ops.conv2d(taps, turned, null, { padding: size - 1 });
          both.data.set(full.data, (k * channels + c) * (kh + size - 1) * (kw + size - 1));
        }
      }
      const stacked = ops.conv2d(ops.conv2d(x, first), second);
      expect(numbers(ops.conv2d(x, both))).toEqual(numbers(stacked));
    });
    fc.assert(law, runs);
  });
});

test('drawn inputs have the channels that their weights want', () => {
  const law = fc.property(drawnConv(), (p) => {
    expect(inputShape(p)[1]).toBe(drawnWeight(p).shape[1] * p.groups);
  });
  fc.assert(law, { numRuns: 5 });
});
