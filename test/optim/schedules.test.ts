// Schedules against PyTorch's, and what they promise about steps and states.

import { describe, expect, test } from 'vitest';
import { optim, Tensor } from '../../lib/index.js';

function optimizerOf(kind: 'sgd' | 'adam' = 'sgd'): optim.Optimizer {
  const tensor = () => new Tensor(new Float32Array(1), [1], { requiresGrad: true });
  const groups = [{ params: tensor() }, { params: tensor(), lr: 0.03 }];
  return kind === 'sgd'
    ? new optim.SGD(groups, { lr: 0.4, momentum: 0.9 })
    : new optim.Adam(groups, { lr: 0.4 });
}

// PyTorch 2.13: the rates of groups that begin with 0.4 and 0.03, and for one-cycle the first one's momentum, at each step.
const fromPyTorch: [name: string, options: object, rates: number[][]][] = [
  [
    'StepLR',
    { stepSize: 3, gamma: 0.7 },
    [
      [0.4, 0.03],
      [0.4, 0.03],
      [0.4, 0.03],
      [0.27999999999999997, 0.020999999999999998],
      [0.27999999999999997, 0.020999999999999998],
      [0.27999999999999997, 0.020999999999999998],
      [0.19599999999999998, 0.014699999999999998],
      [0.19599999999999998, 0.014699999999999998],
    ],
  ],
  [
    'MultiStepLR',
    { milestones: [2, 5, 5], gamma: 0.3 },
    [
      [0.4, 0.03],
      [0.4, 0.03],
      [0.12, 0.009],
      [0.12, 0.009],
      [0.12, 0.009],
      [0.010799999999999999, 0.00081],
      [0.010799999999999999, 0.00081],
      [0.010799999999999999, 0.00081],
    ],
  ],
  [
    'ExponentialLR',
    { gamma: 0.93 },
    [
      [0.4, 0.03],
      [0.37200000000000005, 0.0279],
      [0.34596000000000005, 0.025947],
      [0.32174280000000005, 0.024130710000000003],
      [0.29922080400000006, 0.022441560300000003],
      [0.27827534772000007, 0.020870651079000005],
      [0.2587960733796001, 0.019409705503470005],
      [0.24068034824302809, 0.018051026118227106],
    ],
  ],
  [
    'LinearLR',
    { startFactor: 0.2, endFactor: 0.9, totalIters: 4 },
    [
      [0.08000000000000002, 0.006],
      [0.15000000000000002, 0.01125],
      [0.22000000000000003, 0.016499999999999997],
      [0.29000000000000004, 0.021749999999999995],
      [0.36000000000000004, 0.026999999999999996],
      [0.36000000000000004, 0.026999999999999996],
      [0.36000000000000004, 0.026999999999999996],
      [0.36000000000000004, 0.026999999999999996],
    ],
  ],
  [
    'LinearLR',
    {},
    [
      [0.13333333333333333, 0.009999999999999998],
      [0.18666666666666668, 0.013999999999999999],
      [0.24000000000000002, 0.018],
      [0.2933333333333334, 0.022],
      [0.34666666666666673, 0.026],
      [0.4, 0.029999999999999995],
      [0.4, 0.029999999999999995],
      [0.4, 0.029999999999999995],
    ],
  ],
  [
    'ConstantLR',
    { factor: 0.3, totalIters: 3 },
    [
      [0.12, 0.009],
      [0.12, 0.009],
      [0.12, 0.009],
      [0.4, 0.03],
      [0.4, 0.03],
      [0.4, 0.03],
      [0.4, 0.03],
      [0.4, 0.03],
    ],
  ],
  [
    'ConstantLR',
    {},
    [
      [0.13333333333333333, 0.009999999999999998],
      [0.13333333333333333, 0.009999999999999998],
      [0.13333333333333333, 0.009999999999999998],
      [0.13333333333333333, 0.009999999999999998],
      [0.13333333333333333, 0.009999999999999998],
      [0.4, 0.029999999999999995],
      [0.4, 0.029999999999999995],
      [0.4, 0.029999999999999995],
    ],
  ],
  [
    'PolynomialLR',
    {},
    [
      [0.4, 0.03],
      [0.32000000000000006, 0.024],
      [0.24000000000000002, 0.018],
      [0.16000000000000003, 0.012],
      [0.08, 0.005999999999999998],
      [0, 0],
      [0, 0],
      [0, 0],
    ],
  ],
  [
    'PolynomialLR',
    { totalIters: 7, power: 0.9 },
    [
      [0.4, 0.03],
      [0.34818325474366374, 0.02611374410577478],
      [0.29549134117982295, 0.022161850588486718],
      [0.24172732579160053, 0.018129549434370038],
      [0.18658678626688635, 0.013994008970016476],
      [0.12953846647665115, 0.009715384985748836],
      [0.069417945373661, 0.005206345903024575],
      [0, 0],
      [0, 0],
    ],
  ],
  [
    'PolynomialLR',
    { totalIters: 4, power: 3 },
    [
      [0.4, 0.03],
      [0.16875, 0.012656249999999999],
      [0.04999999999999999, 0.003749999999999999],
      [0.006249999999999999, 0.0004687499999999999],
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ],
  ],
  [
    'CosineAnnealingLR',
    { tMax: 6, etaMin: 0.01 },
    [
      [0.4, 0.03],
      [0.3738749537379656, 0.028660254037844383],
      [0.30250000000000005, 0.024999999999999994],
      [0.20500000000000002, 0.019999999999999997],
      [0.10750000000000004, 0.015000000000000001],
      [0.03612504626203445, 0.011339745962155612],
      [0.01, 0.01],
      [0.03612504626203445, 0.011339745962155614],
      [0.10749999999999998, 0.015000000000000003],
      [0.20500000000000013, 0.02000000000000001],
      [0.30250000000000027, 0.025000000000000022],
      [0.3738749537379658, 0.02866025403784441],
      [0.40000000000000036, 0.030000000000000027],
      [0.37387495373796586, 0.02866025403784441],
      [0.3025000000000004, 0.025000000000000022],
      [0.2050000000000004, 0.020000000000000025],
    ],
  ],
  [
    'CosineAnnealingWarmRestarts',
    { t0: 3, tMult: 2, etaMin: 0.01 },
    [
      [0.4, 0.03],
      [0.3025, 0.024999999999999998],
      [0.10750000000000004, 0.015000000000000003],
      [0.4, 0.03],
      [0.3738749537379656, 0.028660254037844383],
      [0.3025, 0.024999999999999998],
      [0.20500000000000002, 0.019999999999999997],
      [0.10750000000000004, 0.015000000000000003],
      [0.03612504626203445, 0.011339745962155614],
      [0.4, 0.03],
      [0.3933555361263683, 0.029659258262890682],
      [0.3738749537379656, 0.028660254037844383],
      [0.34288582233137677, 0.027071067811865475],
      [0.3025, 0.024999999999999998],
      [0.25546971379499156, 0.022588190451025204],
      [0.20500000000000002, 0.019999999999999997],
    ],
  ],
  [
    'CosineAnnealingWarmRestarts',
    { t0: 4 },
    [
      [0.4, 0.03],
      [0.3414213562373095, 0.02560660171779821],
      [0.2, 0.015],
      [0.05857864376269051, 0.004393398282201788],
      [0.4, 0.03],
      [0.3414213562373095, 0.02560660171779821],
      [0.2, 0.015],
      [0.05857864376269051, 0.004393398282201788],
      [0.4, 0.03],
      [0.3414213562373095, 0.02560660171779821],
    ],
  ],
  [
    'OneCycleLR',
    { maxLr: 0.5, totalSteps: 12 },
    [
      [0.020000000000000018, 0.020000000000000018, 0.95],
      [0.17489482710979154, 0.17489482710979154, 0.9177302443521267],
      [0.43964257956106434, 0.43964257956106434, 0.8625744625914449],
      [0.49720771772545586, 0.49720771772545586, 0.8505584586887436],
      [0.46650648492070584, 0.46650648492070584, 0.856698729810778],
      [0.4058728269748815, 0.4058728269748815, 0.8688255099070633],
      [0.32368949884755166, 0.32368949884755166, 0.8852622412794547],
      [0.23131855133348753, 0.23131855133348753, 0.9037365046793212],
      [0.14153049910434962, 0.14153049910434962, 0.9216941869558779],
      [0.0667387650944153, 0.0667387650944153, 0.9366525935914912],
      [0.01728349371269761, 0.01728349371269761, 0.9465436874322102],
      [2e-6, 2e-6, 0.95],
    ],
  ],
  [
    'OneCycleLR',
    {
      maxLr: [0.5, 0.1],
      epochs: 3,
      stepsPerEpoch: 5,
      annealStrategy: 'linear',
      pctStart: 0.4,
      divFactor: 10,
      finalDivFactor: 100,
      baseMomentum: 0.8,
      maxMomentum: 0.9,
    },
    [
      [0.05, 0.01, 0.9],
      [0.14, 0.028000000000000004, 0.88],
      [0.23000000000000004, 0.046000000000000006, 0.86],
      [0.32, 0.064, 0.8400000000000001],
      [0.41000000000000003, 0.082, 0.8200000000000001],
      [0.5, 0.1, 0.8],
      [0.4445, 0.0889, 0.8111111111111111],
      [0.389, 0.07780000000000001, 0.8222222222222223],
      [0.3335, 0.06670000000000001, 0.8333333333333334],
      [0.278, 0.055600000000000004, 0.8444444444444444],
      [0.22249999999999998, 0.044500000000000005, 0.8555555555555556],
      [0.16700000000000004, 0.03340000000000001, 0.8666666666666667],
      [0.11149999999999999, 0.0223, 0.8777777777777778],
      [0.05600000000000005, 0.011200000000000002, 0.888888888888889],
      [0.0005000000000000004, 0.00010000000000000286, 0.9],
    ],
  ],
  [
    'OneCycleLR',
    { maxLr: 0.5, totalSteps: 20, threePhase: true },
    [
      [0.020000000000000018, 0.020000000000000018, 0.95],
      [0.06583592135001265, 0.06583592135001265, 0.9404508497187474],
      [0.18583592135001265, 0.18583592135001265, 0.9154508497187474],
      [0.3341640786499874, 0.3341640786499874, 0.8845491502812526],
      [0.45416407864998737, 0.45416407864998737, 0.8595491502812526],
      [0.5, 0.5, 0.85],
      [0.45416407864998737, 0.45416407864998737, 0.8595491502812526],
      [0.3341640786499874, 0.3341640786499874, 0.8845491502812526],
      [0.18583592135001262, 0.18583592135001262, 0.9154508497187474],
      [0.06583592135001264, 0.06583592135001264, 0.9404508497187474],
      [0.02, 0.02, 0.95],
      [0.019396986515238298, 0.019396986515238298, 0.95],
      [0.01766067838674666, 0.01766067838674666, 0.95],
      [0.015000500000000002, 0.015000500000000002, 0.95],
      [0.01173730812849164, 0.01173730812849164, 0.95],
      [0.008264691871508365, 0.008264691871508365, 0.95],
      [0.005001500000000003, 0.005001500000000003, 0.95],
      [0.00234132161325334, 0.00234132161325334, 0.95],
      [0.0006050134847617028, 0.0006050134847617028, 0.95],
      [2e-6, 2e-6, 0.95],
    ],
  ],
  [
    'SequentialLR',
    { warm: { startFactor: 0.1, totalIters: 3 }, cosine: { tMax: 5 }, milestones: [3] },
    [
      [0.04000000000000001, 0.003],
      [0.16, 0.011999999999999999],
      [0.28, 0.020999999999999998],
      [0.4, 0.03],
      [0.3618033988749895, 0.02713525491562421],
      [0.2618033988749895, 0.01963525491562421],
      [0.13819660112501053, 0.010364745084375787],
      [0.03819660112501053, 0.002864745084375789],
      [0.0, 0.0],
    ],
  ],
];

function scheduleOf(name: string, optimizer: optim.Optimizer, options: object): optim.Schedule {
  if (name === 'SequentialLR') {
    const { warm, cosine, milestones } = options as {
      warm: object;
      cosine: { tMax: number };
      milestones: number[];
    };
    const schedules = [new optim.LinearLR(optimizer, warm), new optim.CosineAnnealingLR(optimizer, cosine)];
    return new optim.SequentialLR(optimizer, { schedules, milestones });
  }
  const made: unknown = Reflect.construct(Reflect.get(optim, name), [optimizer, options]);
  if (made instanceof optim.Schedule) return made;
  throw new Error(`${name} is no schedule`);
}

function settingsOf({ paramGroups }: optim.Optimizer, count: number): number[] {
  const [first] = paramGroups;
  const momentum =
    'momentum' in first
      ? first.momentum
      : 'betas' in first && Array.isArray(first.betas)
        ? first.betas[0]
        : Number.NaN;
  return [...paramGroups.map(({ lr }) => lr), Number(momentum)].slice(0, count);
}

describe('schedules follow PyTorch', () => {
  test.each(fromPyTorch)('%s %j', (name, options, rates) => {
    const optimizer = optimizerOf('threePhase' in options ? 'adam' : 'sgd');
    const schedule = scheduleOf(name, optimizer, options);
    rates.forEach((wanted, step) => {
      if (step > 0) schedule.step();
      const got = settingsOf(optimizer, wanted.length);
      got.forEach((value, i) => {
        expect(Math.abs(value - wanted[i]), `step ${step}: ${got} for ${wanted}`).toBeLessThan(1e-15);
      });
      expect(schedule.getLastLr()).toEqual(got.slice(0, 2));
    });
  });
});

describe('a schedule', () => {
  test.each(fromPyTorch)('%s goes on from its state: %j', (name, options, rates) => {
    const kind = 'threePhase' in options ? 'adam' : 'sgd';
    const before = optimizerOf(kind);
    const schedule = scheduleOf(name, before, options);
    for (let step = 0; step < 5; step++) schedule.step();
    const after = optimizerOf(kind);
    const again = scheduleOf(name, after, options);
    again.loadStateDict(JSON.parse(JSON.stringify(schedule.stateDict())));
    expect(settingsOf(after, 3)).toEqual(settingsOf(before, 3));
    for (let step = 6; step < rates.length; step++) {
      schedule.step();
      again.step();
      expect(settingsOf(after, 3)).toEqual(settingsOf(before, 3));
    }
  });

  test('LambdaLR multiplies by what the function gives, which must be a number', () => {
    const optimizer = optimizerOf();
    const schedule = new optim.LambdaLR(optimizer, {
      lrLambda: (step) => (step < 2 ? 1 / (step + 1) : Number.NaN),
    });
    schedule.step();
    expect(schedule.getLastLr()).toEqual([0.2, 0.015]);
    expect(() => schedule.step()).toThrow(/lrLambda\(2\) must be a finite number/);
    expect(schedule.stateDict().steps).toBe(1);
    expect(schedule.getLastLr()).toEqual([0.2, 0.015]);
  });

  test('a one-cycle that is over says so', () => {
    const schedule = new optim.OneCycleLR(optimizerOf(), { maxLr: 1, totalSteps: 2 });
    schedule.step();
    schedule.step();
    expect(() => schedule.step()).toThrow(
      /tried to step 3 times, but the specified number of total steps is 2/,
    );
  });

  const refused: [string, unknown[], RegExp][] = [
    ['StepLR', [5, { stepSize: 1 }], /not an Optimizer/],
    ['StepLR', [optimizerOf()], /stepSize must be a whole number from 1 up, not NaN/],
    ['StepLR', [optimizerOf(), { stepSize: 0 }], /stepSize must be/],
    ['StepLR', [optimizerOf(), { stepsize: 2 }], /no option 'stepsize'/],
    ['MultiStepLR', [optimizerOf(), { milestones: 3 }], /must be an array/],
    ['ExponentialLR', [optimizerOf(), { gamma: '1' }], /must be a number/],
    ['LinearLR', [optimizerOf(), { startFactor: -1 }], /from 0 up/],
    ['ConstantLR', [optimizerOf(), { factor: -1 }], /factor must be a finite number from 0 up, not -1/],
    ['ConstantLR', [optimizerOf(), { totalIters: 0 }], /totalIters must be a whole number from 1 up, not 0/],
    ['PolynomialLR', [optimizerOf(), { power: -0.9 }], /power must be a finite number from 0 up, not -0.9/],
    ['PolynomialLR', [optimizerOf(), { totalIters: 2.5 }], /totalIters must be/],
    ['LambdaLR', [optimizerOf(), {}], /must be a function/],
    ['CosineAnnealingLR', [optimizerOf(), { tMax: 2.5 }], /whole number/],
    ['CosineAnnealingWarmRestarts', [optimizerOf(), { t0: 3, tMult: 0 }], /tMult/],
    ['OneCycleLR', [optimizerOf(), { maxLr: 1 }], /either totalSteps, or both/],
    ['OneCycleLR', [optimizerOf(), { totalSteps: 3 }], /maxLr must be/],
    ['OneCycleLR', [optimizerOf(), { maxLr: [1], totalSteps: 3 }], /expected 2 values for maxLr, got 1/],
    [
      'OneCycleLR',
      [optimizerOf(), { maxLr: 1, totalSteps: 3, annealStrategy: 'poly' }],
      /one of 'cos' or 'linear'/,
    ],
    ['SequentialLR', [optimizerOf(), { schedules: [], milestones: [] }], /one milestone less/],
    ['SequentialLR', [optimizerOf(), { schedules: [1], milestones: [] }], /array of schedules/],
  ];
  test.each(refused)('%s refuses what cannot be: %#', (name, args, law) => {
    const make = () => Reflect.construct(Reflect.get(optim, name), args);
    expect(make).toThrow(law);
    expect(make).toThrow(name);
  });

  test.each([
    null,
    {},
    { steps: 1, bases: [1] },
    { steps: 0.5, bases: [1, 1] },
    { steps: 1, bases: [1, 'a'] },
  ])('refuses the state %j', (state) => {
    const schedule = new optim.StepLR(optimizerOf(), { stepSize: 1 });
    expect(() => Reflect.apply(schedule.loadStateDict, schedule, [state])).toThrow(/is no state of 2 groups/);
  });
});
