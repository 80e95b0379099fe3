// Weight gradients by Winograd's F(3x3, 4x4): near the truth, chosen where they gain, the same bits everywhere.

import { describe, expect, test } from 'vitest';
import { backend, nn, Tensor } from '../../lib/index.js';
import { chooseGradientAlgorithm } from '../../lib/ops/algorithm.js';
import { convGeometry } from '../../lib/ops/conv-geometry.js';
import { parseConvOptions } from '../../lib/ops/conv-options.js';
import { contenders } from '../support/backends.js';

interface Layer {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
  readonly padding?: number;
  readonly dilation?: number;
}

const LAYERS: readonly Layer[] = [
  { batch: 1, inChannels: 16, outChannels: 16, height: 4, width: 4, padding: 1 },
  { batch: 2, inChannels: 17, outChannels: 33, height: 7, width: 7, padding: 1 },
  { batch: 3, inChannels: 20, outChannels: 18, height: 14, width: 13, padding: 1 },
  { batch: 1, inChannels: 33, outChannels: 16, height: 12, width: 12, padding: 2, dilation: 2 },
  { batch: 9, inChannels: 3, outChannels: 5, height: 12, width: 9 },
  { batch: 1, inChannels: 130, outChannels: 70, height: 5, width: 5, padding: 1 },
];

/** Weight gradient of convolving normal numbers with the upstream gradient given. */
function trained({ batch, inChannels, outChannels, height, width, padding = 0, dilation = 1 }: Layer) {
  const options = { padding, dilation, bias: false, algorithm: 'winograd' } as const;
  const conv = new nn.Conv2d(inChannels, outChannels, 3, options);
  conv.parameters();
  const x = Tensor.randn([batch, inChannels, height, width], { seed: 1 });
  const y = conv.forward(x);
  const upstream = Tensor.randn(y.shape, { seed: 2 });
  y.backward(upstream);
  const gradient = Float32Array.from(conv.weight.grad?.data ?? []);
  return { x: x.data, upstream: upstream.data, rows: y.shape[2], columns: y.shape[3], gradient };
}

/** The same sums in float64, and the sums of their terms' magnitudes. */
function truthOf(layer: Layer, { x, upstream, rows, columns }: ReturnType<typeof trained>) {
  const { batch, inChannels, outChannels, height, width, padding = 0, dilation = 1 } = layer;
  const truth: number[] = [];
  const magnitudes: number[] = [];
  for (let k = 0; k < outChannels; k++) {
    for (let c = 0; c < inChannels; c++) {
      for (let tap = 0; tap < 9; tap++) {
        let sum = 0;
        let magnitude = 0;
        for (let n = 0; n < batch; n++) {
          for (let h = 0; h < rows; h++) {
            const row = h + Math.floor(tap / 3) * dilation - padding;
            if (row < 0 || row >= height) continue;
            for (let w = 0; w < columns; w++) {
              const column = w + (tap % 3) * dilation - padding;
              if (column < 0 || column >= width) continue;
              const term =
                x[((n * inChannels + c) * height + row) * width + column] *
                upstream[((n * outChannels + k) * rows + h) * columns + w];
              sum += term;
              magnitude += Math.abs(term);
            }
          }
        }
        truth.push(sum);
        magnitudes.push(magnitude);
      }
    }
  }
  return { truth, magnitudes };
}

describe.each(LAYERS)('%o', (layer) => {
  test('errs little beside float64, and has the same bits on every backend and number of threads', () => {
    const gradients = contenders().flatMap(({ name, use }) => {
      use();
      return [1, 2].map((threads) => {
        backend.setThreads(threads);
        return { name: `${name}, ${threads} threads`, ...trained(layer) };
      });
    });
    const [first, ...others] = gradients;
    for (const { name, gradient } of others) {
      expect(Buffer.from(gradient.buffer).equals(Buffer.from(first.gradient.buffer)), name).toBe(true);
    }
    const { truth, magnitudes } = truthOf(layer, first);
    const square = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
    const errors = truth.map((value, i) => first.gradient[i] - value);
    // Of normal numbers 0.4e-6 to 0.7e-6; direct sums err by 0.2e-6 to 0.5e-6
    expect(Math.sqrt(square(errors) / square(truth))).toBeLessThan(1.2e-6);
    const typical = magnitudes.reduce((sum, value) => sum + value, 0) / magnitudes.length;
    for (const error of errors) expect(Math.abs(error)).toBeLessThan(64 * 2 ** -24 * typical);
  });
});

describe('the choice', () => {
  const sizes = (channels: number, size: number, options: object = {}) => {
    const settings = parseConvOptions({ padding: 1, ...options }, 2, 'conv2d');
    const layer = { inChannels: channels, outChannels: channels, kernelSize: [1, 3, 3] } as const;
    return convGeometry(settings, layer, [1, size, size], 'conv2d');
  };

  test('takes tiles for layers of many channels, and leaves small examples exact', () => {
    for (const [channels, size] of [
      [64, 56],
      [128, 28],
      [256, 14],
      [512, 7],
      [128, 6],
    ]) {
      expect(chooseGradientAlgorithm('auto', sizes(channels, size))).toBe('winograd4');
      expect(chooseGradientAlgorithm('direct', sizes(channels, size))).toBe('direct');
    }
    expect(chooseGradientAlgorithm('auto', sizes(8, 56))).toBe('direct');
    expect(chooseGradientAlgorithm('auto', sizes(16, 4))).toBe('direct');
    expect(chooseGradientAlgorithm('auto', sizes(64, 56, { stride: 2 }))).toBe('direct');
    expect(chooseGradientAlgorithm('auto', sizes(64, 56, { groups: 64 }))).toBe('direct');
    expect(chooseGradientAlgorithm('winograd', sizes(8, 5))).toBe('winograd4');
  });

  test('is the layer’s own, whoever shares its weight', () => {
    const random = (shape: number[], seed: number) => Tensor.randn(shape, { seed });
    const gradientOf = (algorithms: readonly ('auto' | 'direct' | 'winograd')[]) => {
      const weight = random([32, 32, 3, 3], 1);
      let last: number[] = [];
      for (const algorithm of algorithms) {
        const conv = new nn.Conv2d(32, 32, 3, { padding: 1, bias: false, algorithm });
        conv.weight = weight;
        weight.requiresGrad = true;
        weight.grad = null;
        conv.forward(random([2, 32, 12, 12], 2)).backward(random([2, 32, 12, 12], 3));
        last = [...(conv.weight.grad?.data ?? [])];
      }
      return last;
    };
    expect(gradientOf(['winograd', 'direct'])).toEqual(gradientOf(['direct']));
    expect(gradientOf(['direct', 'winograd'])).toEqual(gradientOf(['winograd']));
    expect(gradientOf(['direct'])).not.toEqual(gradientOf(['winograd']));
  });
});
