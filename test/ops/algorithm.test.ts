// What 'auto' means: a total function of the layer and one image's size, and the same for everyone who asks.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backend, nn, ops, Tensor } from '../../lib/index.js';
import { Conv2D } from '../../lib/keras.js';
import { chooseAlgorithm } from '../../lib/ops/algorithm.js';
import { convGeometry } from '../../lib/ops/conv-geometry.js';
import { parseConvOptions } from '../../lib/ops/conv-options.js';
import { algorithmOf } from '../support/algorithm.js';
import { backends } from '../support/backends.js';
import { bits, wholeNumbers } from '../support/bits.js';

const chosen = (inChannels: number, outChannels: number, size: [number, number], options: ops.ConvOptions) =>
  algorithmOf(() =>
    ops.conv2d(
      Tensor.zeros([1, inChannels, ...size]),
      Tensor.zeros([outChannels, inChannels, 3, 3]),
      null,
      options,
    ),
  );

describe("'auto'", () => {
  test.each([
    [64, 224, 'winograd4'],
    [64, 56, 'winograd4'],
    [128, 28, 'winograd4'],
    [256, 14, 'winograd4'],
    [512, 28, 'winograd4'],
    [512, 7, 'winograd2'],
    [256, 7, 'winograd2'],
    [128, 8, 'winograd2'],
    [60, 8, 'winograd4'],
    [128, 10, 'winograd4'],
  ] as const)('takes tiles for %i channels at %i', (channels, size, algorithm) => {
    expect(chosen(channels, channels, [size, size], { padding: 1 })).toBe(algorithm);
  });

  test('keeps the few channels, small images and tiles of one output direct', () => {
    expect(chosen(15, 512, [56, 56], { padding: 1 })).toBe('direct');
    expect(chosen(512, 15, [56, 56], { padding: 1 })).toBe('direct');
    expect(chosen(16, 16, [20, 20], { padding: 1 })).toBe('direct');
    expect(chosen(32, 32, [8, 8], { padding: 1 })).toBe('direct');
    expect(chosen(128, 128, [12, 12], { padding: 12, dilation: 12 })).toBe('direct');
    expect(chosen(64, 64, [56, 56], { stride: 2 })).toBe('direct');
  });

  test('is total: every layer and image size has an answer, Winograd only where it serves', () => {
    const size = fc.integer({ min: 170, max: 300 }); // the widest kernel spans 161
    const few = fc.constantFrom(1, 1, 1, 2, 3);
    const kernel = fc.constantFrom(1, 3, 3, 3, 3, 5);
    const layers = fc.record({
      inputs: fc.integer({ min: 1, max: 600 }),
      outputs: fc.integer({ min: 1, max: 600 }),
      size: fc.tuple(fc.integer({ min: 7, max: 9 }), size, size),
      kernel: fc.tuple(fc.constantFrom(1, 1, 1, 3), kernel, kernel),
      stride: fc.tuple(few, few, few),
      dilation: fc.tuple(few, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
      padding: fc.constantFrom('same' as const, 0, 1, 3),
      paddingMode: fc.constantFrom('zeros' as const, 'replicate' as const),
    });
    let served = 0;
    fc.assert(
      fc.property(layers, ({ inputs, outputs, size: input, kernel: kernelSize, ...options }) => {
        const settings = parseConvOptions(options, 3, 'conv3d');
        const geometry = convGeometry(
          settings,
          { inChannels: inputs, outChannels: outputs, kernelSize },
          input,
          'conv3d',
        );
        expect(chooseAlgorithm('direct', geometry)).toBe('direct');
        const choice = chooseAlgorithm('auto', geometry);
        expect(['direct', 'winograd2', 'winograd4']).toContain(choice);
        expect(geometry.algorithm).toBe(choice);
        if (choice === 'direct') return;
        served++;
        expect([kernelSize, settings.stride, settings.groups]).toEqual([[1, 3, 3], [1, 1, 1], 1]);
        expect(geometry.outputSize[0]).toBe(input[0]);
        expect(chooseAlgorithm('winograd', geometry)).toBe(choice);
      }),
      { numRuns: 3000, seed: 1 },
    );
    expect(served).toBeGreaterThan(20);
  });

  test('gives every spelling of a layer the same bits, off the event loop and in any batch too', async () => {
    const x = Tensor.randn([2, 32, 24, 24], { seed: 2 });
    const weight = Tensor.randn([48, 32, 3, 3], { seed: 3 });
    const conv = new nn.Conv2d(32, 48, 3, { padding: 1, bias: false });
    conv.loadStateDict({ weight });
    for (const { use } of backends()) {
      use();
      const expected = bits(ops.conv2d(x, weight, null, { padding: 1, algorithm: 'winograd' }));
      expect(expected).not.toEqual(bits(ops.conv2d(x, weight, null, { padding: 1, algorithm: 'direct' })));
      expect(bits(ops.conv2d(x, weight, null, { padding: 1 }))).toEqual(expected);
      expect(bits(conv.forward(x))).toEqual(expected);
      expect(bits(await conv.forwardAsync(x))).toEqual(expected);
      const volume = x.reshape([2, 32, 1, 24, 24]);
      expect(
        bits(ops.conv3d(volume, weight.reshape([48, 32, 1, 3, 3]), null, { padding: [0, 1, 1] })),
      ).toEqual(expected);
      const first = new Tensor(x.data.slice(0, x.data.length / 2), [32, 24, 24]);
      expect(bits(conv.forward(first))).toEqual(expected.slice(0, expected.length / 2));
    }
    backend.use('native');
  });

  test('is exact for whole numbers where the layer is a small example, and pinned so by direct', () => {
    const x = wholeNumbers([1, 16, 12, 12], 1);
    const weight = wholeNumbers([16, 16, 3, 3], 2);
    const y = ops.conv2d(x, weight, null, { padding: 1 }).data;
    expect(y.every(Number.isInteger)).toBe(true);
    const image = wholeNumbers([1, 64, 40, 40], 3);
    const filters = wholeNumbers([64, 64, 3, 3], 4);
    expect(ops.conv2d(image, filters, null, { algorithm: 'direct' }).data.every(Number.isInteger)).toBe(true);
  });
});

test('Keras layers take the option, show it, and pass it on', () => {
  const make = (algorithm: ops.Algorithm) =>
    new Conv2D({ filters: 32, kernelSize: 3, algorithm, inputShape: [30, 30, 32] });
  const x = Tensor.zeros([1, 30, 30, 32]);
  expect(algorithmOf(() => make('direct').forward(x))).toBe('direct');
  expect(algorithmOf(() => make('winograd').forward(x))).toBe('winograd4');
  expect(algorithmOf(() => make('auto').forward(x))).toBe('winograd4');
  expect(String(make('direct'))).toContain("algorithm='direct'");
  expect(() => Reflect.construct(Conv2D, [{ filters: 1, kernelSize: 3, algorithm: 'fft' }])).toThrow(
    'algorithm',
  );
});
