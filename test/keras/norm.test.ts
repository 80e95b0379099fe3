// Keras's layers that act differently in training, and those that change sizes: judged by their definition, by TF.js, and by
// the layers of nn that compute the same.

import { describe, expect, test } from 'vitest';
import { manualSeed, nn, noGrad, ops, optim, Tensor } from '../../lib/index.js';
import * as keras from '../../lib/keras.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';
import { tfjsLayer } from '../support/tfjs.js';

const near = (got: ArrayLike<number>, wanted: ArrayLike<number>, size = 1) => {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    expect(Math.abs(got[i] - wanted[i]), `${i}: ${got[i]} for ${wanted[i]}`).toBeLessThan(2e-6 * size);
  }
};

const numbers = (tensor: Tensor) => ({ data: tensor.data, shape: [...tensor.shape] });
const last = (x: Tensor) => {
  const [n, c, h, w] = x.shape;
  const y = Tensor.zeros([n, h, w, c]);
  const [from, to] = [x.data, y.data];
  to.forEach((_, i) => {
    const [position, channel] = [Math.floor(i / c) % (h * w), i % c];
    to[i] = from[(Math.floor(i / (h * w * c)) * c + channel) * h * w + position];
  });
  return y;
};

describe.each(contenders())('$name', ({ use }) => {
  test.each([
    ['images', [2, 3, 4, 5]],
    ['a sequence', [4, 7, 5]],
    ['rows', [9, 5]],
  ])('BatchNormalization of %s in inference is TF.js’s', (_, shape) => {
    use();
    const x = Tensor.randn(shape, { seed: 1 });
    const weights = [1, 2, 3, 4].map((seed) => Tensor.rand([5], { seed }));
    const layer = new keras.BatchNormalization().eval();
    layer.setWeights(weights);
    const wanted = tfjsLayer('batchNormalization', {}, numbers(x), weights.map(numbers));
    near(layer.forward(x).data, wanted.data, 20);
  });

  test('BatchNormalization in training is nn’s but for the moving variance', async () => {
    use();
    const x = Tensor.randn([4, 6, 5, 3], { seed: 2 });
    const [layer, other] = [new keras.BatchNormalization({ momentum: 0.8 }), new nn.BatchNorm2d(6)];
    const first = new keras.BatchNormalization({ axis: 1, momentum: 0.8 });
    const inner = new nn.BatchNorm2d(6, { eps: 1e-3, momentum: 0.2 });
    other.eval();
    const expected = inner.forward(x);
    expect(bits(layer.forward(last(x)))).toEqual(bits(last(expected)));
    expect(bits(first.forward(x))).toEqual(bits(expected));
    expect(bits(layer.movingMean as Tensor)).toEqual(bits(inner.runningMean as Tensor));
    const moved = 4 * 5 * 3;
    near(
      layer.movingVariance?.data ?? [],
      (inner.runningVar?.data ?? []).map((value) => 0.8 + ((value - 0.8) * (moved - 1)) / moved),
    );
    const again = new keras.BatchNormalization({ momentum: 0.8 });
    expect(bits(await again.forwardAsync(last(x)))).toEqual(bits(last(expected)));
    expect(bits(again.movingVariance as Tensor)).toEqual(bits(layer.movingVariance as Tensor));
    const inference = bits(layer.eval().forward(last(x)));
    expect(bits(await layer.forwardAsync(last(x)))).toEqual(inference);
  });

  test('LayerNormalization and Softmax are TF.js’s', () => {
    use();
    const x = Tensor.randn([3, 4, 6], { seed: 1 });
    const weights = [1, 2].map((seed) => Tensor.rand([6], { seed }));
    const layer = new keras.LayerNormalization();
    layer.setWeights(weights);
    near(
      layer.forward(x).data,
      tfjsLayer('layerNormalization', {}, numbers(x), weights.map(numbers)).data,
      10,
    );
    const rows = Tensor.randn([2, 6], { seed: 4 });
    near(new keras.Softmax().forward(rows).data, tfjsLayer('softmax', {}, numbers(rows), []).data);
    const dense = new keras.Dense({ units: 3, activation: 'softmax', inputShape: [6] });
    const wanted = tfjsLayer(
      'dense',
      { units: 3, activation: 'softmax' },
      numbers(rows),
      dense.getWeights().map(numbers),
    );
    near(dense.forward(rows).data, wanted.data);
    const activation = new keras.Activation({ activation: 'softmax' });
    near(activation.forward(rows).data, tfjsLayer('softmax', {}, numbers(rows), []).data);
  });

  test.each([
    [
      'zeroPadding2d',
      new keras.ZeroPadding2D({
        padding: [
          [1, 0],
          [2, 3],
        ],
      }),
      {
        padding: [
          [1, 0],
          [2, 3],
        ],
      },
    ],
    ['zeroPadding2d', new keras.ZeroPadding2D(), {}],
    [
      'cropping2D',
      new keras.Cropping2D({
        cropping: [
          [1, 0],
          [1, 2],
        ],
      }),
      {
        cropping: [
          [1, 0],
          [1, 2],
        ],
      },
    ],
    ['upSampling2d', new keras.UpSampling2D({ size: [2, 3] }), { size: [2, 3] }],
    ['leakyReLU', new keras.LeakyReLU(), {}],
    ['elu', new keras.ELU(), {}],
    ['reLU', new keras.ReLU({ maxValue: 6 }), { maxValue: 6 }],
  ] as const)('%s is TF.js’s', async (factory, layer, options) => {
    use();
    const x = Tensor.randn([2, 5, 6, 3], { seed: 7 });
    const wanted = tfjsLayer(factory, options, numbers(x), []);
    const y = layer.forward(x);
    expect(y.shape).toEqual(wanted.shape);
    near(y.data, wanted.data);
    expect(bits(await layer.forwardAsync(x))).toEqual(bits(y));
    expect(bits(layer.forward(x.channelsLast()))).toEqual(bits(y));
  });

  test('bilinear enlarging is the engine’s, in one and three dimensions too', () => {
    use();
    const x = Tensor.randn([2, 3, 4, 5], { seed: 7 });
    const smooth = new keras.UpSampling2D({ interpolation: 'bilinear' });
    const wanted = ops.upsample(x, { scaleFactor: 2, mode: 'bilinear' });
    expect(bits(smooth.forward(last(x)))).toEqual(bits(last(wanted)));
    const first = new keras.UpSampling2D({ interpolation: 'bilinear', dataFormat: 'channelsFirst' });
    expect(bits(first.forward(x))).toEqual(bits(wanted));
    expect(new keras.UpSampling1D().forward(Tensor.from([[[1], [2]]])).toArray()).toEqual([
      [[1], [1], [2], [2]],
    ]);
    expect(new keras.UpSampling3D({ size: [1, 2, 3] }).forward(Tensor.ones([1, 2, 2, 2, 3])).shape).toEqual([
      1, 2, 4, 6, 3,
    ]);
    const pads = new keras.ZeroPadding1D({ padding: [2, 0] });
    expect(pads.forward(Tensor.ones([1, 1, 1])).toArray()).toEqual([[[0], [0], [1]]]);
    expect(new keras.ZeroPadding3D().forward(Tensor.ones([1, 1, 2, 3, 4])).shape).toEqual([1, 3, 4, 5, 4]);
    expect(new keras.Cropping1D({ cropping: 1 }).forward(Tensor.from([[[1], [2], [3]]])).toArray()).toEqual([
      [[2]],
    ]);
    expect(new keras.Cropping3D({ cropping: 1 }).forward(Tensor.ones([1, 3, 4, 5, 2])).shape).toEqual([
      1, 1, 2, 3, 2,
    ]);
  });

  test('dropout in training, spatial dropout of whole channels, and neither in inference', async () => {
    use();
    const x = Tensor.ones([3, 4, 5, 40]);
    for (const layer of [new keras.Dropout({ rate: 0.25 }), new keras.SpatialDropout2D({ rate: 0.25 })]) {
      manualSeed(3);
      const y = layer.forward(x);
      expect(new Set(y.data)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
      manualSeed(3);
      expect(bits(await layer.forwardAsync(x))).toEqual(bits(y));
      expect(bits(layer.eval().forward(x))).toEqual(bits(x));
    }
    manualSeed(3);
    const wanted = new nn.Dropout2d(0.25).forward(Tensor.ones([3, 40, 4, 5]));
    manualSeed(3);
    const spatial = new keras.SpatialDropout2D({ rate: 0.25 }).forward(x);
    expect(bits(spatial)).toEqual(bits(last(wanted)));
    const image = new keras.SpatialDropout1D({ rate: 0.5 }).forward(Tensor.ones([7, 3]));
    expect([0, 1, 2].every((c) => new Set(image.data.filter((_, i) => i % 3 === c)).size === 1)).toBe(true);
    expect(new keras.SpatialDropout3D({ rate: 1 }).forward(Tensor.ones([1, 1, 1, 2, 2])).data).toEqual(
      new Float32Array(4),
    );
  });
});

describe.each(backends())('$name', ({ use }) => {
  test.each<[string, () => keras.BatchNormalization | keras.LayerNormalization, number[]]>([
    ['BatchNormalization', () => new keras.BatchNormalization(), [3, 4, 5, 2]],
    ['BatchNormalization of axis 1', () => new keras.BatchNormalization({ axis: 1 }), [3, 2, 4, 5]],
    ['BatchNormalization of volumes', () => new keras.BatchNormalization(), [1, 2, 3, 4, 5]],
    ['BatchNormalization of rows', () => new keras.BatchNormalization(), [12, 5]],
    ['BatchNormalization without scale', () => new keras.BatchNormalization({ scale: false }), [12, 5]],
    ['BatchNormalization in inference', () => new keras.BatchNormalization().eval(), [3, 4, 5, 2]],
    ['LayerNormalization', () => new keras.LayerNormalization({ epsilon: 0.01 }), [3, 4, 7]],
  ])('gradients of %s', (name, make, shape) => {
    use();
    const layer = make();
    layer.forward(Tensor.zeros(shape));
    const names = layer.namedParameters().map(([own]) => own);
    const channels = name.includes('axis 1') ? shape[1] : (shape.at(-1) ?? 0);
    const inner = name.includes('axis 1') ? 20 : 1;
    const place = (i: number) => Math.floor(i / inner) % channels;
    const group = name.startsWith('Layer') ? (i: number) => Math.floor(i / channels) : place;
    const inference = name.includes('inference');
    const epsilon = layer.epsilon;
    gradcheck({
      name,
      inputs: [
        Tensor.randn(shape, { seed: 9 }),
        ...names.map((_, i) => Tensor.randn([channels], { seed: i })),
      ],
      forward: (t, ...own) => {
        Object.assign(layer, Object.fromEntries(names.map((key, i) => [key, own[i]])));
        return layer.forward(t);
      },
      truth: (x, ...own) => {
        const weight = names.includes('gamma') ? own[names.indexOf('gamma')] : null;
        const bias = own[names.indexOf('beta')];
        const members = (i: number) => x.filter((_, k) => group(k) === group(i));
        return x.map((value, i) => {
          const all = members(i);
          const mean = inference ? 0 : all.reduce((a, b) => a + b, 0) / all.length;
          const variance = inference ? 1 : all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length;
          const scaled = ((value - mean) / Math.sqrt(variance + epsilon)) * (weight?.[place(i)] ?? 1);
          return scaled + bias[place(i)];
        });
      },
      checkForward: !inference,
      tolerance: inference ? 1e-4 : 2e-5,
    });
  });

  test('a stack with normalisation and dropout trains, predicts, and gives its weights', () => {
    use();
    manualSeed(1);
    const net = new keras.Sequential([
      new keras.ZeroPadding2D({ inputShape: [6, 6, 1] }),
      new keras.Conv2D({ filters: 4, kernelSize: 3, useBias: false }),
      new keras.BatchNormalization({ name: 'norm' }),
      new keras.ReLU(),
      new keras.Flatten(),
      new keras.Dropout({ rate: 0.2 }),
      new keras.Dense({ units: 2 }),
    ]);
    expect(net.getWeights().map(({ shape }) => shape)).toEqual([
      [3, 3, 1, 4],
      [4],
      [4],
      [4],
      [4],
      [144, 2],
      [2],
    ]);
    expect(net.parameters()).toHaveLength(5);
    const x = Tensor.randn([32, 6, 6, 1], { seed: 4 });
    const target = Array.from({ length: 32 }, (_, n) => (x.data[n * 36] > 0 ? 1 : 0));
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.02 });
    const losses: number[] = [];
    for (let step = 0; step < 25; step++) {
      optimizer.zeroGrad();
      const loss = ops.crossEntropy(net.forward(x), target);
      loss.backward();
      optimizer.step();
      losses.push(loss.item());
    }
    expect(losses.at(-1)).toBeLessThan(losses[0] / 4);
    const predicted = net.predict(x);
    expect(predicted.requiresGrad).toBe(false);
    expect(bits(net.predict(x))).toEqual(bits(predicted));
    expect(net.training).toBe(true);
    expect(net.namedModules().every(([, module]) => module.training)).toBe(true);
    const copy = new keras.Sequential([
      new keras.ZeroPadding2D({ inputShape: [6, 6, 1] }),
      new keras.Conv2D({ filters: 4, kernelSize: 3, useBias: false }),
      new keras.BatchNormalization({ name: 'norm' }),
      new keras.ReLU(),
      new keras.Flatten(),
      new keras.Dense({ units: 2 }),
    ]);
    copy.setWeights(net.getWeights());
    expect(bits(noGrad(() => copy.eval().forward(x)))).toEqual(bits(predicted));
  });
});

test('no images leave the moving statistics alone; layers without weights are ready', () => {
  const layer = new keras.BatchNormalization();
  expect(layer.forward(Tensor.zeros([0, 4, 4, 3])).shape).toEqual([0, 4, 4, 3]);
  expect(layer.movingVariance?.toArray()).toEqual([1, 1, 1]);
  const bare = new keras.LayerNormalization({ center: false, scale: false });
  expect(bare.built).toBe(true);
  expect(bare.stateDict()).toEqual({});
  expect(bare.forward(Tensor.from([[1, 3]])).data[1]).toBeCloseTo(1, 3);
  expect(
    new keras.BatchNormalization({ center: false, scale: false, inputShape: [2] }).getWeights(),
  ).toHaveLength(2);
  const dict = new keras.BatchNormalization({ inputShape: [2] }).stateDict();
  expect(Object.keys(dict)).toEqual(['gamma', 'beta', 'movingMean', 'movingVariance']);
  const loaded = new keras.BatchNormalization();
  loaded.loadStateDict(dict);
  expect(loaded.parameters()).toHaveLength(2);
  expect(loaded.movingMean?.requiresGrad).toBe(false);
});

describe('what is wrong is refused', () => {
  const call = (make: (options: never) => unknown, options: unknown) => () =>
    Reflect.apply(make, null, [options]);
  const norm = (options: keras.BatchNormalizationOptions) => new keras.BatchNormalization(options);
  test.each<[string, () => unknown, RegExp]>([
    ['axis', call(norm, { axis: 2 }), /axis must be -1 \(channels last\) or 1/],
    ['momentum', call(norm, { momentum: 2 }), /momentum must be at most 1/],
    ['epsilon', call(norm, { epsilon: -1 }), /epsilon must be finite and not negative/],
    ['an option', call(norm, { eps: 1 }), /there is no option 'eps'/],
    ['a vector', () => norm({}).forward(Tensor.ones([3])), /expected min_ndim=2, found ndim=1/],
    [
      'other channels',
      () => norm({ inputShape: [4] }).forward(Tensor.ones([2, 3])),
      /to have value 4, as gamma \[4\] needs, but received input with shape \[2, 3\]/,
    ],
    ['no rate', () => new keras.Dropout(JSON.parse('{}')), /Dropout: rate is missing/],
    ['rate', () => new keras.Dropout({ rate: 1.5 }), /between 0 and 1, but got 1.5/],
    ['cut', () => new keras.ReLU(JSON.parse('{"maxValue":3}')), /maxValue must be 6 or null/],
    ['sides', () => new keras.ZeroPadding2D(JSON.parse('{"padding":[1]}')), /a list of 2/],
    [
      'a side',
      () =>
        new keras.ZeroPadding2D({
          padding: [
            [-1, 0],
            [0, 0],
          ],
        }),
      /must not be negative/,
    ],
    ['cropping all', () => new keras.Cropping2D({ cropping: 2 }).forward(Tensor.ones([1, 3, 3, 1])), /./],
    [
      'one image to enlarge',
      () => new keras.UpSampling2D().forward(Tensor.ones([3, 3, 1])),
      /expected ndim=4/,
    ],
    ['alpha', () => new keras.LeakyReLU(JSON.parse('{"alpha":"1"}')), /alpha must be a number/],
  ])('%s', (_, run, words) => {
    expect(run).toThrow(words);
    expect(run).toThrow(/^(?!.*undefined)/);
  });
});
