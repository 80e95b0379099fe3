// Laws of what slides windows without multiplying: im2col and col2im, pooling.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ops, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { drawnConv, drawnInput, drawnWeight, inner, numbers } from '../support/problems-drawn.js';

const runs = { numRuns: 40 };

describe.each(backends())('windows on $name', ({ use }) => {
  test('fold(unfold(x)) is x times the number of windows over each position', () => {
    use();
    const law = fc.property(drawnConv(2), (p) => {
      const x = drawnInput(p);
      const options = { kernelSize: p.kernel, stride: p.stride, dilation: p.dilation, padding: p.padding };
      const back = ops.fold(ops.unfold(x, options), { ...options, outputSize: p.size });
      // How often position i of a dimension is tap k of window o: o stride + k dilation - padding = i.
      const times = p.size.map((size, axis) => {
        const reach = p.dilation[axis] * (p.kernel[axis] - 1) + 1;
        const windows = Math.floor((size + 2 * p.padding[axis] - reach) / p.stride[axis]) + 1;
        const count = new Array<number>(size).fill(0);
        for (let o = 0; o < windows; o++)
          for (let k = 0; k < p.kernel[axis]; k++) {
            const i = o * p.stride[axis] + k * p.dilation[axis] - p.padding[axis];
            if (i >= 0 && i < size) count[i]++;
          }
        return count;
      });
      const [height, width] = p.size;
      const expected = x.data.map((value, at) => {
        const [i, j] = [Math.floor(at / width) % height, at % width];
        return value * times[0][i] * times[1][j];
      });
      expect(back.shape).toEqual(x.shape);
      expect(numbers(back)).toEqual(numbers(new Tensor(expected, x.shape)));
    });
    fc.assert(law, runs);
  });

  test('fold is the adjoint of unfold', () => {
    use();
    const law = fc.property(drawnConv(2), (p) => {
      const x = drawnInput(p);
      const options = { kernelSize: p.kernel, stride: p.stride, dilation: p.dilation, padding: p.padding };
      const columns = ops.unfold(x, options);
      const y = new Tensor(
        columns.data.map((_, i) => ((i * 7 + p.seed) % 13) - 6),
        columns.shape,
      );
      expect(inner(columns, y)).toBe(inner(x, ops.fold(y, { ...options, outputSize: p.size })));
    });
    fc.assert(law, runs);
  });

  test('a convolution is its weight times the columns', () => {
    use();
    const law = fc.property(drawnConv(2), (drawn) => {
      const p = { ...drawn, groups: 1 };
      const [x, weight] = [drawnInput(p), drawnWeight(p)];
      const { stride, dilation, padding } = p;
      const columns = ops.unfold(x, { kernelSize: p.kernel, stride, dilation, padding });
      const [, rows, places] = columns.shape;
      const product = ops.conv1d(columns, weight.reshape([p.outputs, rows, 1]));
      const y = ops.conv2d(x, weight, null, { stride, dilation, padding });
      expect(numbers(y)).toEqual(numbers(product));
      expect(y.data.length).toBe(p.batch * p.outputs * places);
    });
    fc.assert(law, runs);
  });

  test('max pooling tolerates a shift by one pixel where each maximum stays in its window', () => {
    use();
    const direction = fc.constantFrom(-1, 0, 1);
    const window = fc.record({
      height: fc.integer({ min: 3, max: 5 }),
      width: fc.integer({ min: 3, max: 5 }),
    });
    const law = fc.property(window, fc.nat(1e6), direction, direction, (k, seed, down, right) => {
      // One peak a window, at least one pixel from its edge, over a floor below all peaks.
      const [rows, columns] = [3, 4];
      const [height, width] = [rows * k.height, columns * k.width];
      const x = Tensor.full([1, 1, height, width], -1);
      const peaks = Tensor.rand([rows * columns, 3], { seed }).data;
      for (let i = 0; i < rows * columns; i++) {
        const place = (size: number, draw: number) => 1 + Math.floor(draw * (size - 2));
        const row = Math.floor(i / columns) * k.height + place(k.height, peaks[3 * i]);
        const column = (i % columns) * k.width + place(k.width, peaks[3 * i + 1]);
        x.data[row * width + column] = peaks[3 * i + 2];
      }
      const moved = ops.pad(x, { padding: [[down, -down], [right, -right]], value: -1 }); // biome-ignore format: one line
      const pool = (image: Tensor) => ops.maxPool2d(image, { kernelSize: [k.height, k.width] });
      expect(bits(pool(moved))).toEqual(bits(pool(x)));
      expect(Math.min(...pool(x).data)).toBeGreaterThanOrEqual(0);
    });
    fc.assert(law, runs);
  });

  test('max pooling commutes with every rising function, and average pooling with scaling by two', () => {
    use();
    const law = fc.property(drawnConv(2), (p) => {
      const x = drawnInput(p);
      const options = { kernelSize: p.kernel, stride: p.stride };
      fc.pre(p.kernel.every((k, i) => k <= p.size[i]));
      const rising = (y: Tensor) => new Tensor(y.data.map((v) => 3 * v + 1), y.shape); // biome-ignore format: one line
      const double = (y: Tensor) => new Tensor(y.data.map((v) => 2 * v), y.shape); // biome-ignore format: one line
      expect(bits(ops.maxPool2d(rising(x), options))).toEqual(bits(rising(ops.maxPool2d(x, options))));
      expect(bits(ops.avgPool2d(double(x), options))).toEqual(bits(double(ops.avgPool2d(x, options))));
    });
    fc.assert(law, runs);
  });
});
