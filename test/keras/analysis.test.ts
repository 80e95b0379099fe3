// The formulas see Keras's layers as they see convkit's own: channels last are named otherwise and nothing else.

import { expect, test } from 'vitest';
import { analysis, nn, Tensor } from '../../lib/index.js';
import {
  Activation,
  Conv2D,
  Conv2DTranspose,
  Dense,
  Flatten,
  GlobalAveragePooling2D,
  MaxPooling2D,
  SeparableConv2D,
  Sequential,
} from '../../lib/keras.js';

const pairs = () =>
  [
    [
      new Sequential([
        new Conv2D({ filters: 8, kernelSize: 3, padding: 'same', strides: 2 }),
        new Activation({ activation: 'relu' }),
        new SeparableConv2D({ filters: 4, kernelSize: 3 }),
        new MaxPooling2D({ poolSize: 3, strides: 2, padding: 'same' }),
      ]),
      new nn.Sequential(
        new nn.Conv2d(3, 8, 3, { padding: 'same', stride: 2 }),
        new nn.ReLU(),
        new nn.DepthwiseSeparableConv2d(8, 4, 3, { depthwiseBias: false }),
        new nn.MaxPool2d(3, { stride: 2, padding: 1 }),
      ),
    ],
    [
      new Sequential([
        new Activation({ activation: 'relu' }),
        new Conv2DTranspose({ filters: 4, kernelSize: 3, strides: 2 }),
        new Dense({ units: 5 }),
        new MaxPooling2D(),
      ]),
      new nn.Sequential(
        new nn.ReLU(),
        new nn.ConvTranspose2d(3, 4, 3, { stride: 2 }),
        new nn.Conv2d(4, 5, 1),
        new nn.MaxPool2d(2),
      ),
    ],
    [
      new Sequential([
        new Conv2D({ filters: 4, kernelSize: 5 }),
        new GlobalAveragePooling2D(),
        new Dense({ units: 2 }),
      ]),
      new nn.Sequential(
        new nn.Conv2d(3, 4, 5),
        new nn.AdaptiveAvgPool2d(1),
        new nn.Flatten(),
        new nn.Linear(4, 2),
      ),
    ],
    [
      new Sequential([
        new Conv2D({ filters: 4, kernelSize: 5, strides: 3 }),
        new Flatten(),
        new Dense({ units: 2 }),
      ]),
      new nn.Sequential(new nn.Conv2d(3, 4, 5, { stride: 3 }), new nn.Flatten(), new nn.Linear(48, 2)),
    ],
  ] as const;

test('receptive fields, parameters and costs are those of the same layers channels first', () => {
  for (const [keras, torch] of pairs()) {
    const own = analysis.receptiveField(keras, { inputShape: [1, 14, 13, 3] });
    const theirs = analysis.receptiveField(torch, { inputShape: [1, 3, 14, 13] });
    const { size, jump, start } = theirs;
    expect({ size: own.size, jump: own.jump, start: own.start }).toEqual({ size, jump, start });
    expect(own.unit([1, 0])).toEqual(theirs.unit([1, 0]));
    const totals = (net: nn.Module, inputShape: number[]) => {
      const { params, macs } = analysis.summary(net, { inputShape }).totals;
      return { params, macs };
    };
    expect(totals(keras, [1, 14, 13, 3])).toEqual(totals(torch, [1, 3, 14, 13]));
  }
});

test('one element explained is that of the layer', () => {
  const conv = new Conv2D({ filters: 2, kernelSize: 3, padding: 'same' });
  const x = Tensor.randn([1, 5, 4, 3], { seed: 2 });
  const y = conv.forward(x).data;
  const { value } = analysis.explain(conv, x, [0, 1, 4, 2]);
  expect(value).toBe(y[(4 * 4 + 2) * 2 + 1]);
});
