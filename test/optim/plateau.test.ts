// ReduceLROnPlateau against PyTorch's, and what it promises about states.

import { describe, expect, test } from 'vitest';
import { optim, Tensor } from '../../lib/index.js';

function optimizerOf(): optim.Optimizer {
  const tensor = () => new Tensor(new Float32Array(1), [1], { requiresGrad: true });
  return new optim.SGD([{ params: tensor() }, { params: tensor(), lr: 0.03 }], { lr: 0.4 });
}

const METRICS = [
  ...[1, 0.9, 0.95, 0.89999, 0.9, 0.5, 0.5, 0.51, 0.50004, 0.49996],
  ...[Number.NaN, 0.6, 0.7, 0.7, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
];

// PyTorch 2.13: the steps after which the rates of groups that begin with 0.4 and 0.03 are others, and those.
const fromPyTorch: [options: optim.PlateauOptions, falls: number[][]][] = [
  [{}, []],
  [
    { factor: 0.5, patience: 1 },
    [
      [3, 0.2, 0.015],
      [7, 0.1, 0.0075],
      [9, 0.05, 0.00375],
      [11, 0.025, 0.001875],
      [13, 0.0125, 0.0009375],
      [16, 0.00625, 0.00046875],
      [18, 0.003125, 0.000234375],
    ],
  ],
  [
    { factor: 0.5, patience: 0, cooldown: 2, minLr: [0.05, 0.01] },
    [
      [2, 0.2, 0.015],
      [6, 0.1, 0.01],
      [9, 0.05, 0.01],
    ],
  ],
  [
    { mode: 'max', factor: 0.3, patience: 2, threshold: 0.01, thresholdMode: 'abs' },
    [
      [3, 0.12, 0.009],
      [6, 0.036, 0.0026999999999999997],
      [9, 0.010799999999999999, 0.0008099999999999998],
      [12, 0.0032399999999999994, 0.00024299999999999994],
      [15, 0.0009719999999999998, 7.289999999999998e-5],
      [18, 0.00029159999999999993, 2.1869999999999996e-5],
    ],
  ],
  [
    { mode: 'max', factor: 0.7, patience: 0, threshold: 0.1, eps: 0.01 },
    [
      [1, 0.27999999999999997, 0.03],
      [2, 0.19599999999999998, 0.03],
      [3, 0.1372, 0.03],
      [4, 0.09603999999999999, 0.03],
      [5, 0.06722799999999998, 0.03],
      [6, 0.047059599999999986, 0.03],
      [7, 0.03294171999999999, 0.03],
    ],
  ],
  [
    { factor: 0.2, patience: 1, threshold: 0.05, thresholdMode: 'abs', minLr: 0.02 },
    [
      [3, 0.08000000000000002, 0.02],
      [7, 0.02, 0.02],
    ],
  ],
];

describe('ReduceLROnPlateau', () => {
  test.each(fromPyTorch)('follows PyTorch: %j', (options, falls) => {
    const schedule = new optim.ReduceLROnPlateau(optimizerOf(), options);
    let rates = [0.4, 0.03];
    METRICS.forEach((metric, step) => {
      schedule.step(metric);
      rates = falls.find(([at]) => at === step)?.slice(1) ?? rates;
      expect(schedule.getLastLr(), `step ${step}`).toEqual(rates);
    });
  });

  test.each(fromPyTorch)('goes on from its state: %j', (options) => {
    const one = new optim.ReduceLROnPlateau(optimizerOf(), options);
    for (const metric of METRICS.slice(0, 8)) one.step(metric);
    const other = new optim.ReduceLROnPlateau(optimizerOf(), options);
    other.loadStateDict(JSON.parse(JSON.stringify(one.stateDict())));
    for (const metric of METRICS.slice(8)) {
      one.step(metric);
      other.step(metric);
      expect(other.stateDict()).toEqual(one.stateDict());
    }
  });

  const refused: [unknown[], RegExp][] = [
    [[5], /not an Optimizer/],
    [[optimizerOf(), { mode: 'least' }], /mode must be one of \{'min', 'max'\}/],
    [[optimizerOf(), { thresholdMode: 1 }], /thresholdMode must be a string/],
    [[optimizerOf(), { factor: 1 }], /factor must be below 1, not 1/],
    [[optimizerOf(), { factor: -0.5 }], /factor must be a finite number from 0 up, not -0.5/],
    [[optimizerOf(), { patience: 1.5 }], /patience must be a whole number from 0 up, not 1.5/],
    [[optimizerOf(), { minLr: [0.1] }], /expected 2 values for minLr, got 1/],
    [[optimizerOf(), { minLr: '0.1' }], /minLr must be a number, not '0.1'/],
    [[optimizerOf(), { patient: 3 }], /no option 'patient'; did you mean 'patience'/],
  ];
  test.each(refused)('refuses what cannot be: %#', (args, law) => {
    const make = () => Reflect.construct(optim.ReduceLROnPlateau, args);
    expect(make).toThrow(law);
    expect(make).toThrow('ReduceLROnPlateau');
  });

  test('refuses a measurement that is no number, and a state of others', () => {
    const schedule = new optim.ReduceLROnPlateau(optimizerOf());
    const step = () => Reflect.apply(schedule.step, schedule, [Tensor.ones([1])]);
    expect(step).toThrow(/the metric must be a number, not .*; give it loss\.item\(\)/);
    for (const state of [null, {}, { best: 1, badSteps: 0, cooldownLeft: 0, rates: [1] }]) {
      const load = () => Reflect.apply(schedule.loadStateDict, schedule, [state]);
      expect(load).toThrow(/is no state of 2 groups/);
    }
  });
});
