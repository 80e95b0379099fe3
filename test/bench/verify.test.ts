import { describe, expect, it } from 'vitest';
import { makeData } from '../../bench/data.js';
import { flops, outputSize, parseLayers, product, shapes } from '../../bench/layer.js';
import { geometricMean, median, quantile, spread } from '../../bench/statistics.js';
import { checkSamples, compareOutputs, crop } from '../../bench/verify.js';

const layer = parseLayers('conv2d 2x6x9x8 12 3x5 s2x1 p1x0:2 d1x2 g3', 'test').layers[0];

/** Written the other way round than the checker: every input is scattered to the outputs that it reaches. */
function scatter(): Float32Array {
  const { x, weight, bias } = makeData(layer);
  const [rows, columns] = outputSize(layer);
  const y = new Float64Array(product(shapes(layer).y));
  for (let i = 0; i < y.length; i++) y[i] = bias[Math.floor(i / (rows * columns)) % 12];
  for (let n = 0; n < 2; n++)
    for (let c = 0; c < 6; c++)
      for (let h = 0; h < 9; h++)
        for (let w = 0; w < 8; w++)
          for (let kh = 0; kh < 3; kh++)
            for (let kw = 0; kw < 5; kw++) {
              const row = (h + 1 - kh) / 2;
              const column = w - 2 * kw;
              if (!Number.isInteger(row) || row < 0 || row >= rows || column < 0 || column >= columns)
                continue;
              for (let m = 0; m < 4; m++) {
                const out = Math.floor(c / 2) * 4 + m;
                y[((n * 12 + out) * rows + row) * columns + column] +=
                  x[((n * 6 + c) * 9 + h) * 8 + w] * weight[((out * 2 + (c % 2)) * 3 + kh) * 5 + kw];
              }
            }
  return Float32Array.from(y);
}

describe('the verifier', () => {
  it('accepts the right outputs, and refuses one wrong one', () => {
    const y = scatter();
    expect(checkSamples(layer, makeData(layer), y, y.length).worst).toBeLessThanOrEqual(1);
    y[77] += 1e-3;
    expect(checkSamples(layer, makeData(layer), y, y.length).worst).toBeGreaterThan(1);
    y[77] = Number.NaN;
    expect(checkSamples(layer, makeData(layer), y, y.length).worst).toBe(Number.POSITIVE_INFINITY);
  });

  it('looks at the first output and the last however few samples it takes', () => {
    for (const at of [0, product(shapes(layer).y) - 1]) {
      const y = scatter();
      y[at] += 1e-3;
      expect(checkSamples(layer, makeData(layer), y, 3).worst).toBeGreaterThan(1);
    }
  });

  it('sees a difference between two outputs, a NaN and a missing element', () => {
    const y = scatter();
    const { magnitude } = checkSamples(layer, makeData(layer), y, y.length);
    expect(compareOutputs(layer, y, y.slice(), magnitude)).toBe(0);
    expect(compareOutputs(layer, y, y.with(5, y[5] + 1e-3), magnitude)).toBeGreaterThan(1);
    expect(compareOutputs(layer, y, y.with(5, Number.NaN), magnitude)).toBe(Number.POSITIVE_INFINITY);
    expect(compareOutputs(layer, y, y.slice(1), magnitude)).toBe(Number.POSITIVE_INFINITY);
  });

  it('crops a layer to little work, but never to an empty output', () => {
    const vgg = parseLayers('conv2d 1x64x224x224 64 3x3 p1\nconv2d 1x512x7x7 512 3x3 p1', 'test').layers;
    for (const big of vgg) {
      const small = crop(big, 1e7);
      expect(flops(small)).toBeLessThanOrEqual(1e7);
      expect(Math.min(...outputSize(small))).toBeGreaterThanOrEqual(1);
      expect(small.inChannels).toBe(big.inChannels);
    }
    const wide = parseLayers('conv2d 1x4096x40x40 4096 9x9 d2', 'test').layers[0];
    expect(outputSize(crop(wide, 1))).toEqual([1, 1]);
  });
});

describe('statistics', () => {
  it('interpolates quantiles and averages ratios geometrically', () => {
    expect(median([4, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2);
    expect(spread([1, 2, 3, 4, 5])).toBeCloseTo(1 / 3);
    expect(geometricMean([2, 8])).toBeCloseTo(4);
    expect(median([])).toBeNaN();
  });
});
