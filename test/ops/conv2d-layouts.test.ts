// Layout, batch split and batching change no bit of a convolution.

import { describe, expect, test } from 'vitest';
import { nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { layoutOf } from '../../lib/ops/inputs.js';
import { ROW_MAJOR } from '../../lib/tensor/storage.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

const x = Tensor.randn([3, 6, 9, 7], { seed: 1 });
const weight = Tensor.randn([4, 3, 3, 2], { seed: 2 });
const bias = Tensor.randn([4], { seed: 3 });
const options = { stride: [2, 1], padding: [[1, 2] as const, 1], groups: 2, activation: 'gelu' } as const;
const image = (n: number) => new Tensor(x.data.slice(n * 378, (n + 1) * 378), [1, 6, 9, 7]);

describe.each(contenders())('$name', (contender) => {
  test('channels-first and channels-last input give the same bits', () => {
    contender.use();
    const first = ops.conv2d(x, weight, bias, options);
    expect(first.shape).toEqual([3, 4, 5, 8]);
    expect(bits(ops.conv2d(x.channelsLast(), weight, bias, options))).toEqual(bits(first));
  });

  test('a layer answers in the order in which its last result was wanted, with the same bits', () => {
    contender.use();
    const conv = new nn.Conv2d(6, 4, 3, { padding: 1 });
    const wanted = bits(conv.forward(x.channelsLast()));
    const layouts: number[] = [];
    const call = (use: (y: Tensor) => Tensor) => {
      const y = conv.forward(x);
      layouts.push(layoutOf(y));
      expect(bits(use(y))).toEqual(wanted);
    };
    const read = (y: Tensor) => y;
    const handOn = (y: Tensor) => {
      ops.maxPool2d(y, { kernelSize: 2 });
      return y;
    };
    for (const use of [handOn, read, read, handOn, read]) call(use);
    expect(layouts).toEqual([1, 1, ROW_MAJOR, ROW_MAJOR, 1]);
    expect(layoutOf(conv.forward(x.channelsLast()))).toBe(1);
  });

  test('images one by one give the bits of the batch', () => {
    contender.use();
    const whole = bits(ops.conv2d(x, weight, bias, options));
    const parts = [0, 1, 2].flatMap((n) => [...bits(ops.conv2d(image(n), weight, bias, options))]);
    expect(parts).toEqual([...whole]);
  });

  test('an unbatched image gives an unbatched result of the same bits', () => {
    contender.use();
    const y = ops.conv2d(image(1).reshape([6, 9, 7]), weight, bias, options);
    expect(y.shape).toEqual([4, 5, 8]);
    expect(bits(y)).toEqual(bits(ops.conv2d(image(1), weight, bias, options)));
  });

  test('an unbatched channels-last image too', () => {
    contender.use();
    const y = ops.conv2d(image(2).reshape([6, 9, 7]).channelsLast(), weight, bias, options);
    expect(bits(y)).toEqual(bits(ops.conv2d(image(2), weight, bias, options)));
  });

  test('an empty batch gives an empty result, and is checked all the same', () => {
    contender.use();
    expect(ops.conv2d(Tensor.zeros([0, 6, 9, 7]), weight, bias, options).shape).toEqual([0, 4, 5, 8]);
    expect(() => ops.conv2d(Tensor.zeros([0, 6, 1, 7]), weight, bias, { groups: 2 })).toThrow(ShapeError);
  });

  test('one channel and one position need no conversion and give the same bits', () => {
    contender.use();
    const grey = Tensor.randn([2, 1, 8, 8], { seed: 4 });
    const filter = Tensor.randn([1, 1, 3, 3], { seed: 5 });
    expect(bits(ops.conv2d(grey, filter))).toEqual(bits(ops.conv2d(grey.channelsLast(), filter)));
    const point = Tensor.randn([2, 16, 1, 1], { seed: 6 });
    const mix = Tensor.randn([5, 16, 1, 1], { seed: 7 });
    expect(bits(ops.conv2d(point, mix))).toEqual(bits(ops.conv2d(point.channelsLast(), mix)));
  });

  test('the input is left as it was', () => {
    contender.use();
    const before = x.data.slice();
    ops.conv2d(x, weight, bias, options);
    expect(x.data).toEqual(before);
  });

  test('a fused activation gives the bits of one applied after', () => {
    contender.use();
    const plain = ops.conv2d(x, weight, bias, { groups: 2 });
    for (const name of ['relu', 'relu6', 'sigmoid', 'tanh', 'silu', 'gelu', 'hardswish'] as const) {
      const fused = ops.conv2d(x, weight, bias, { groups: 2, activation: name });
      expect(bits(fused), name).toEqual(bits(ops[name](plain)));
    }
    const leaky = { activation: 'leakyRelu', negativeSlope: 0.3 } as const;
    expect(bits(ops.conv2d(x, weight, bias, { groups: 2, ...leaky }))).toEqual(
      bits(ops.leakyRelu(plain, { negativeSlope: 0.3 })),
    );
  });

  test('a slope of -0 after one of 0 with the same weight gives its own zeros', () => {
    contender.use();
    const filter = Tensor.ones([1, 1, 1, 1]);
    const minus = Tensor.full([1, 1, 1, 1], -1);
    const activation = 'leakyRelu';
    expect(ops.conv2d(minus, filter, null, { activation, negativeSlope: 0 }).item()).toBe(-0);
    expect(ops.conv2d(minus, filter, null, { activation, negativeSlope: -0 }).item()).toBe(0);
  });

  test('weights that changed are seen: through .data, through markChanged, through the bias', () => {
    contender.use();
    const own = new Float32Array([1, 1]);
    const filter = new Tensor(own, [1, 2, 1, 1]);
    const offset = Tensor.zeros([1]);
    const ones = Tensor.ones([1, 2, 1, 1]);
    const y = () => ops.conv2d(ones, filter, offset).item();
    expect(y()).toBe(2);
    filter.data[0] = 5;
    expect(y()).toBe(6);
    own[1] = 10;
    filter.markChanged();
    expect(y()).toBe(15);
    offset.data[0] = 0.5;
    expect(y()).toBe(15.5);
    expect(ops.conv2d(ones, filter, null).item()).toBe(15);
  });

  test('many image sizes and settings share one weight', () => {
    contender.use();
    const filter = Tensor.ones([1, 1, 2, 2]);
    for (let round = 0; round < 2; round++) {
      for (let size = 2; size < 22; size++) {
        for (const stride of [1, 2, 3]) {
          const y = ops.conv2d(Tensor.ones([1, 1, size, size]), filter, null, { stride });
          const extent = Math.floor((size - 2) / stride) + 1;
          expect(y.shape).toEqual([1, 1, extent, extent]);
          expect(y.data.every((value) => value === 4)).toBe(true);
        }
      }
    }
  });
});

test('every backend gives the same bits', () => {
  const results = contenders().map((contender) => {
    contender.use();
    return [...bits(ops.conv2d(x, weight, bias, options))];
  });
  for (const result of results) expect(result).toEqual(results[0]);
});
