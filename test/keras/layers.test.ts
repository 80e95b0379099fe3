// What Keras's layers promise beside their numbers: weights in and out, first values, stacks, refusals.

import { describe, expect, test } from 'vitest';
import { manualSeed, nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import * as keras from '../../lib/keras.js';
import { logicalArray } from '../../lib/tensor/tensor.js';
import { contenders } from '../support/backends.js';

const { Conv2D, Conv2DTranspose, Conv3D, Dense, DepthwiseConv2D, Flatten, MaxPooling2D } = keras;
const { AveragePooling2D, GlobalAveragePooling2D, SeparableConv2D, Sequential, initializers } = keras;

const decoder = () =>
  new Sequential([
    new Conv2D({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [12, 12, 3] }),
    new DepthwiseConv2D({ kernelSize: 3, padding: 'same' }),
    new keras.ReLU(),
    new nn.LeakyReLU(),
    new MaxPooling2D(),
    new SeparableConv2D({ filters: 12, kernelSize: 3 }),
    new AveragePooling2D({ poolSize: 2, strides: 1, padding: 'same' }),
    new Conv2DTranspose({ filters: 6, kernelSize: 4, strides: 2, padding: 'same' }),
    new keras.Activation({ activation: 'tanh' }),
    new Flatten(),
    new Dense({ units: 5 }),
  ]);

describe.each(contenders())('$name', (contender) => {
  test('both data formats give the same numbers', () => {
    contender.use();
    const x = Tensor.randn([2, 7, 6, 4], { seed: 5 });
    const turned = new Tensor(x.data.slice(), [2, 42, 4]);
    const first = Tensor.zeros([2, 4, 7, 6]);
    const [from, to] = [turned.data, first.data];
    to.forEach((_, i) => {
      const [n, c, p] = [Math.floor(i / 168), Math.floor(i / 42) % 4, i % 42];
      to[i] = from[(n * 42 + p) * 4 + c];
    });
    const layers = [
      (dataFormat: keras.DataFormat) =>
        new Conv2D({ filters: 6, kernelSize: 3, groups: 2, padding: 'same', dataFormat }),
      (dataFormat: keras.DataFormat) =>
        new DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 2, strides: 2, dataFormat }),
      (dataFormat: keras.DataFormat) => new SeparableConv2D({ filters: 5, kernelSize: 2, dataFormat }),
      (dataFormat: keras.DataFormat) =>
        new Conv2DTranspose({ filters: 3, kernelSize: 3, strides: 2, dataFormat }),
      (dataFormat: keras.DataFormat) => new MaxPooling2D({ padding: 'same', dataFormat }),
      (dataFormat: keras.DataFormat) => new GlobalAveragePooling2D({ dataFormat }),
      (dataFormat: keras.DataFormat) => new Flatten({ dataFormat }),
    ];
    for (const make of layers) {
      manualSeed(9);
      const last = make('channelsLast').forward(x);
      manualSeed(9);
      const other = make('channelsFirst').forward(first);
      const images = last.shape.length === 4;
      const shape = images ? [0, 3, 1, 2].map((axis) => last.shape[axis]) : last.shape;
      expect(other.shape).toEqual(shape);
      const [n, h, w, c] = images ? last.shape : [1, 1, 1, last.data.length];
      const expected = Array.from({ length: n * h * w * c }, (_, i) => {
        const position = i % (h * w);
        const channel = Math.floor(i / (h * w)) % c;
        return last.data[(Math.floor(i / (h * w * c)) * h * w + position) * c + channel];
      });
      expect([...other.data]).toEqual(expected);
    }
  });

  test('an input in whatever memory layout means the same numbers', () => {
    contender.use();
    const layer = new Conv2D({ filters: 3, kernelSize: 3 });
    const x = Tensor.randn([2, 5, 4, 2], { seed: 6 });
    const odd = x.channelsLast(); // around dimension 1, which is the height here
    expect(layer.forward(odd).toArray()).toEqual(layer.forward(x).toArray());
    expect(new Flatten().forward(odd).toArray()).toEqual(new Flatten().forward(x).toArray());
    const dense = new Dense({ units: 3 });
    expect(dense.forward(odd).toArray()).toEqual(dense.forward(x).toArray());
  });

  test('no images give no results', async () => {
    contender.use();
    const net = decoder();
    expect(net.forward(Tensor.zeros([0, 12, 12, 3])).shape).toEqual([0, 5]);
    expect((await net.forwardAsync(Tensor.zeros([0, 12, 12, 3]))).shape).toEqual([0, 5]);
  });

  test('one image alone is a batch of one', () => {
    contender.use();
    const layer = new Conv2DTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' });
    const x = Tensor.randn([5, 4, 2], { seed: 6 });
    const alone = layer.forward(x);
    expect(alone.shape).toEqual([10, 8, 3]);
    expect([...alone.data]).toEqual([...layer.forward(x.reshape([1, 5, 4, 2])).data]);
  });
});

describe('weights', () => {
  test.each([
    [new Conv2D({ filters: 6, kernelSize: [3, 2], groups: 2, inputShape: [8, 8, 4] }), [[3, 2, 2, 6], [6]]],
    [new Conv3D({ filters: 6, kernelSize: 2, useBias: false, inputShape: [8, 8, 8, 4] }), [[2, 2, 2, 4, 6]]],
    [new DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 2, inputShape: [8, 8, 4] }), [[3, 3, 4, 2], [8]]],
    [
      new SeparableConv2D({ filters: 6, kernelSize: 3, depthMultiplier: 2, inputShape: [null, null, 4] }),
      [[3, 3, 4, 2], [1, 1, 8, 6], [6]],
    ],
    [new Conv2DTranspose({ filters: 6, kernelSize: [3, 2], inputShape: [8, 8, 4] }), [[3, 2, 6, 4], [6]]],
    [new Dense({ units: 6, inputShape: [4] }), [[4, 6], [6]]],
    [new MaxPooling2D({ inputShape: [8, 8, 4] }), []],
  ])('%s has them in Keras layouts', (layer, shapes) => {
    expect(layer.getWeights().map(({ shape }) => shape)).toEqual(shapes);
  });

  test('go out as copies and come in by value, before the first input too', () => {
    const [a, b] = [0, 1].map(() => new Conv2D({ filters: 4, kernelSize: 2, groups: 2, padding: 'same' }));
    a.build([null, 4, 4, 4]);
    b.setWeights(a.getWeights());
    expect(b.kernel?.shape).toEqual([2, 2, 2, 4]);
    const x = Tensor.randn([1, 4, 4, 4], { seed: 1 });
    expect(b.forward(x).toArray()).toEqual(a.forward(x).toArray());
    const before = b.forward(x).toArray();
    for (const weight of b.getWeights()) weight.data.fill(7);
    expect(b.forward(x).toArray()).toEqual(before);
    b.setWeights([Tensor.ones([2, 2, 2, 4]), Tensor.ones([4])]);
    expect(b.forward(x).toArray()).not.toEqual(before);
    expect(() => b.setWeights([Tensor.ones([2, 2, 2, 4])])).toThrow(
      'setWeights was given a list of 1 weights, but the layer was expecting 2 weights',
    );
    expect(() => b.setWeights([Tensor.ones([2, 2, 4, 4]), Tensor.ones([4])])).toThrow(ShapeError);
    expect(b.getWeights()[1].toArray()).toEqual([1, 1, 1, 1]);
  });

  test('a state dict carries them into a layer that has not seen an input', () => {
    const [a, b] = [0, 1].map(() => new SeparableConv2D({ filters: 3, kernelSize: 2 }));
    a.build([null, 4, 4, 4]);
    b.loadStateDict(a.stateDict());
    expect(Object.keys(b.stateDict())).toEqual(['depthwiseKernel', 'pointwiseKernel', 'bias']);
    const x = Tensor.randn([1, 4, 4, 4], { seed: 1 });
    expect(b.forward(x).toArray()).toEqual(a.forward(x).toArray());
  });
});

describe('initializers', () => {
  const statistics = (tensor: Tensor) => {
    const data = logicalArray(tensor, 'test');
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return { mean, deviation: Math.sqrt(variance), largest };
  };
  /** 3 x 3 x 16 weights reach an output, 3 x 3 x 32 leave an input. */
  const SHAPE = [3, 3, 16, 32];
  const [fanIn, fanOut] = [144, 288];

  test.each([
    ['glorotUniform', 2 / (fanIn + fanOut), Math.sqrt(3)],
    ['glorotNormal', 2 / (fanIn + fanOut), 2 / 0.8796],
    ['heUniform', 2 / fanIn, Math.sqrt(3)],
    ['heNormal', 2 / fanIn, 2 / 0.8796],
    ['lecunUniform', 1 / fanIn, Math.sqrt(3)],
    ['lecunNormal', 1 / fanIn, 2 / 0.8796],
    ['truncatedNormal', (0.05 * 0.8796) ** 2, 2 / 0.8796],
    ['randomUniform', 0.05 ** 2 / 3, Math.sqrt(3)],
    ['randomNormal', 0.05 ** 2, 6],
  ] as const)('%s has its variance and its bounds', (name, variance, bound) => {
    const { mean, deviation, largest } = statistics(initializers[name]({ seed: 3 }).apply(SHAPE));
    const expected = Math.sqrt(variance);
    // 4608 draws: the mean within 4 of its standard errors, the deviation within 4 percent.
    expect(Math.abs(mean)).toBeLessThan((4 * expected) / Math.sqrt(4608));
    expect(deviation / expected).toBeGreaterThan(0.96);
    expect(deviation / expected).toBeLessThan(1.04);
    expect(largest).toBeLessThanOrEqual(expected * bound * 1.0001);
    expect(initializers[name]({ seed: 3 }).apply(SHAPE).toArray()).toEqual(
      initializers[name]({ seed: 3 }).apply(SHAPE).toArray(),
    );
    manualSeed(3);
    const [one, two] = [0, 1].map(() => initializers[name]().apply([8, 8]).toArray());
    expect(one).not.toEqual(two);
    manualSeed(3);
    expect(initializers[name]().apply([8, 8]).toArray()).toEqual(one);
  });

  test('fixed ones, and one of the user', () => {
    expect(initializers.zeros().apply([2]).toArray()).toEqual([0, 0]);
    expect(initializers.ones().apply([2]).toArray()).toEqual([1, 1]);
    expect(initializers.constant({ value: 0.5 }).apply([2]).toArray()).toEqual([0.5, 0.5]);
    const layer = new Dense({
      units: 2,
      inputShape: [2],
      kernelInitializer: {
        apply: () =>
          Tensor.from([
            [1, 2],
            [3, 4],
          ]),
      },
      biasInitializer: 'ones',
    });
    expect(layer.forward(Tensor.from([[1, 1]])).toArray()).toEqual([[5, 7]]);
    expect(
      () => new Dense({ units: 3, inputShape: [2], kernelInitializer: { apply: () => Tensor.ones([2, 2]) } }),
    ).toThrow('the initializer of kernel gave shape [2, 2], but [2, 3] was asked for');
    expect(() => initializers.constant({ value: Number.NaN })).toThrow(RangeError);
    expect(() => initializers.varianceScaling({ scale: 0 })).toThrow('scale must be positive');
  });
});

describe('Sequential', () => {
  test('with an inputShape all weights are there at once; without, at the first input', () => {
    expect(decoder().getWeights()).toHaveLength(11);
    const net = new Sequential([
      new Conv2D({ filters: 8, kernelSize: 3 }),
      new Flatten(),
      new Dense({ units: 2 }),
    ]);
    expect(net.getWeights()).toHaveLength(0);
    net.build([null, 6, 6, 3]);
    expect(net.getWeights().map(({ shape }) => shape)).toEqual([[3, 3, 3, 8], [8], [128, 2], [2]]);
    const other = decoder();
    const net2 = decoder();
    net2.setWeights(other.getWeights());
    const x = Tensor.randn([1, 12, 12, 3], { seed: 4 });
    expect(net2.predict(x).toArray()).toEqual(other.apply(x).toArray());
  });

  test('says where sizes do not fit, before any input', () => {
    expect(
      () =>
        new Sequential([
          new Conv2D({ filters: 8, kernelSize: 3, inputShape: [6, 6, 3] }),
          new Conv2D({ filters: 8, kernelSize: 5, name: 'second' }),
        ]),
    ).toThrow(
      /^Sequential\[second\] \(Conv2D\): Conv2D: Calculated padded input size per channel: \(4 x 4\)/,
    );
  });

  test('counts the weights of convkit layers and of stacks within', () => {
    const make = () =>
      new Sequential([
        new nn.Linear(4, 3),
        new Sequential([new Dense({ units: 2, inputShape: [3] }), new nn.ReLU()]),
      ]);
    const [a, b] = [make(), make()];
    expect(a.getWeights().map(({ shape }) => shape)).toEqual([[3, 4], [3], [3, 2], [2]]);
    b.setWeights(a.getWeights());
    const x = Tensor.randn([2, 4], { seed: 1 });
    expect(b.predict(x).toArray()).toEqual(a.predict(x).toArray());
    const wrong = [
      ...a
        .getWeights()
        .slice(0, 3)
        .map((w) => Tensor.zeros(w.shape)),
      Tensor.zeros([3]),
    ];
    expect(() => b.setWeights(wrong)).toThrow(
      'Sequential: Layer weight shape [2] of 1.0.bias not compatible with provided weight shape [3]',
    );
    expect(b.predict(x).toArray()).toEqual(a.predict(x).toArray());
    expect(() => Reflect.apply(b.build, b, [4])).toThrow('inputShape must be an array of sizes');
  });

  test('names its layers in their order', () => {
    const net = new Sequential();
    net.add(new Flatten({ inputShape: [4] }));
    net.add(new Dense({ units: 3, name: 'head' }));
    net.add(new Dense({ units: 2 }));
    expect(Object.keys(net.stateDict())).toEqual(['head.kernel', 'head.bias', '2.kernel', '2.bias']);
    expect(net.getLayer('head')).toBe(net.layers[1]);
    expect(net.getLayer(-1)).toBe(net.layers[2]);
    expect(() => net.getLayer('tail')).toThrow(
      "No such layer: 'tail'. Existing layers are: '0', 'head', '2'",
    );
    expect(() => net.add(new Dense({ units: 2, name: 'head' }))).toThrow(
      'All layers should have unique names',
    );
    expect(net.layers).toHaveLength(3);
    expect(new Sequential({ layers: [new Flatten()] }).forward(Tensor.ones([1, 2, 2])).shape).toEqual([1, 4]);
    expect(String(net)).toContain('(head): Dense(units=3)');
  });

  test('aborting rejects with the reason', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(decoder().forwardAsync(Tensor.ones([1, 12, 12, 3]), { signal })).rejects.toBe(reason);
    const layer = new SeparableConv2D({ filters: 2, kernelSize: 1 });
    await expect(layer.forwardAsync(Tensor.ones([1, 2, 2, 3]), { signal })).rejects.toBe(reason);
  });
});

test('swish is silu, linear is none, and a leaky slope is Keras 3 own', () => {
  const x = Tensor.from([[-2, 3]]);
  const through = (activation: keras.KerasActivation) =>
    new keras.Activation({ activation }).forward(x).toArray();
  expect(through('swish')).toEqual(ops.silu(x).toArray());
  expect(through('linear')).toEqual([[-2, 3]]);
  expect(through('leakyRelu')).toEqual(ops.leakyRelu(x, { negativeSlope: 0.2 }).toArray());
});

test.each([
  [
    Conv2DTranspose,
    { filters: 2, kernelSize: 3, strides: 2, outputPadding: 2 },
    'strides must be greater than output padding. Received: strides=[2, 2], outputPadding=2',
  ],
  [Conv2DTranspose, { filters: 2, kernelSize: 3, strides: 2, dilationRate: 2 }, 'strides > 1 not supported'],
  [DepthwiseConv2D, { kernelSize: 3, depthMultiplier: 0 }, 'Invalid value for argument depthMultiplier'],
  [SeparableConv2D, { kernelSize: 3 }, 'filters is missing'],
  [MaxPooling2D, { poolSize: 0 }, 'Invalid value for argument poolSize'],
  [MaxPooling2D, { padding: 'full' }, 'padding must be one of'],
  [Dense, { units: 2.5 }, 'units must be a whole number'],
  [keras.Activation, {}, 'activation is missing'],
  [keras.Conv1D, { filters: 1, kernelSize: 1, padding: 'cause' }, "did you mean 'causal'?"],
])('%o refuses %j', (layer, options, words) => {
  expect(() => Reflect.construct(layer, [options])).toThrow(words);
});

test('an input of other sizes is refused in Keras words', () => {
  const dense = new Dense({ units: 2, inputShape: [4] });
  expect(() => dense.forward(Tensor.ones([3, 5]))).toThrow(
    'expected axis -1 of input shape to have value 4, as kernel [4, 2] needs, but received input with shape [3, 5]',
  );
  expect(() => new MaxPooling2D().forward(Tensor.ones([3, 5]))).toThrow('Full shape received: [3, 5]');
  expect(() => new MaxPooling2D({ poolSize: 4 }).forward(Tensor.ones([1, 3, 3, 2]))).toThrow(ShapeError);
});
