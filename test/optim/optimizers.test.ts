// SGD, Adam and AdamW against PyTorch's trajectories, and what their groups and states promise, on every backend.

import { beforeEach, describe, expect, test } from 'vitest';
import { nn, ops, optim, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { vectorCases } from '../support/vectors.js';

const parameter = (...values: number[]): Tensor =>
  new Tensor(Float32Array.from(values), [values.length], { requiresGrad: true });

type Make = (params: Tensor[], options: object) => optim.Optimizer;
const makers: Record<string, Make> = {
  sgd: (params, options) => new optim.SGD(params, options),
  adam: (params, options) => new optim.Adam(params, options),
  adamw: (params, options) => new optim.AdamW(params, options),
};

/** The trajectory of one parameter under gradients [steps, ...shape]. */
function trajectory(make: Make, start: Tensor, gradients: Tensor, options: object): Tensor[] {
  const tensor = new Tensor(start.data.slice(), start.shape, { requiresGrad: true });
  const optimizer = make([tensor], options);
  const size = start.data.length;
  return Array.from({ length: gradients.shape[0] }, (_, i) => {
    tensor.grad = new Tensor(gradients.data.slice(i * size, (i + 1) * size), start.shape);
    optimizer.step();
    return new Tensor(tensor.data.slice(), tensor.shape);
  });
}

describe.each(backends())('$name', ({ use }) => {
  beforeEach(use);

  for (const [op, make] of Object.entries(makers)) {
    for (const one of vectorCases('optim', op)) {
      test(`${one.name} follows PyTorch: ${JSON.stringify(one.params)}`, () => {
        const after = one.tensor('params_after').data;
        const states = trajectory(make, one.tensor('param'), one.tensor('grads'), one.params);
        const got = states.flatMap((state) => [...state.data]);
        expect(got.length).toBe(after.length);
        // The parameters are about 1, and six steps round six times a few.
        got.forEach((value, i) => {
          expect(Math.abs(value - after[i])).toBeLessThan(1e-6);
        });
      });
    }
  }
});

test('every backend and instruction set makes the same bits', () => {
  const start = Tensor.randn([37, 61], { seed: 1 });
  const gradients = Tensor.randn([5, 37, 61], { seed: 2 });
  const settings: [Make, object][] = [
    [makers.sgd, { lr: 0.1, momentum: 0.9, weightDecay: 5e-4, nesterov: true }],
    [makers.adam, { lr: 0.01, amsgrad: true, weightDecay: 0.1, maximize: true }],
    [makers.adamw, { lr: 0.01 }],
  ];
  const runs = contenders().map(({ name, use }) => {
    use();
    return {
      name,
      ends: settings.map(([make, options]) => bits(trajectory(make, start, gradients, options)[4])),
    };
  });
  for (const { name, ends } of runs.slice(1)) expect(ends, name).toEqual(runs[0].ends);
});

describe('an optimiser', () => {
  test('leaves parameters without a gradient alone, and clears gradients', () => {
    const [a, b] = [parameter(1), parameter(2)];
    const optimizer = new optim.SGD([a, b], { lr: 0.5 });
    a.grad = Tensor.from([1]);
    optimizer.step();
    expect([a.toArray(), b.toArray()]).toEqual([[0.5], [2]]);
    optimizer.zeroGrad();
    expect(a.grad).toBeNull();
  });

  test('has packed weights packed anew', () => {
    const conv = new nn.Conv2d(1, 1, 1, { bias: false });
    conv.loadStateDict({ weight: Tensor.ones([1, 1, 1, 1]) });
    const x = Tensor.ones([1, 1, 1, 1]);
    expect(conv.forward(x).item()).toBe(1);
    conv.weight.grad = Tensor.ones([1, 1, 1, 1]);
    new optim.SGD(conv.parameters(), { lr: 0.25 }).step();
    expect(conv.forward(x).item()).toBe(0.75);
  });

  test('makes a backward that still needs the old values say so', () => {
    const w = parameter(2);
    const loss = ops.silu(w);
    w.grad = Tensor.from([1]);
    new optim.SGD([w], { lr: 0.25 }).step();
    expect(() => loss.backward()).toThrow(/modified by an inplace operation/);
  });

  test('takes gradients in any layout', () => {
    const weight = new Tensor(new Float32Array(24), [2, 3, 2, 2], { requiresGrad: true });
    const gradient = Tensor.randn([2, 3, 2, 2], { seed: 1 });
    weight.grad = gradient.channelsLast();
    new optim.SGD([weight], { lr: 1 }).step();
    expect([...weight.data]).toEqual([...gradient.data].map((value) => 0 - value));
  });

  test('gives each group its own settings, readable and writable', () => {
    const [a, b] = [parameter(1), parameter(1)];
    const optimizer = new optim.SGD([{ params: a, lr: 0.5 }, { params: [b] }], { lr: 0.25, momentum: 0.9 });
    expect(optimizer.paramGroups.map(({ lr, momentum }) => [lr, momentum])).toEqual([
      [0.5, 0.9],
      [0.25, 0.9],
    ]);
    a.grad = Tensor.from([1]);
    b.grad = Tensor.from([1]);
    optimizer.step();
    expect([a.item(), b.item()]).toEqual([0.5, 0.75]);
    expect(optimizer.lr).toBe(0.5);
    optimizer.lr = 0.125;
    expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual([0.125, 0.125]);
    optimizer.addParamGroup({ params: parameter(3), lr: 7 });
    expect(optimizer.paramGroups[2].lr).toBe(7);
  });

  const w = parameter(1);
  test.each([
    [() => new optim.SGD([]), RangeError, /empty parameter list/],
    [() => Reflect.construct(optim.SGD, [w]), TypeError, /should be an iterable of Tensors or groups/],
    [() => Reflect.construct(optim.SGD, [[1]]), TypeError, /must be an object with params/],
    [() => new optim.SGD([w, w]), RangeError, /more than once/],
    [() => new optim.SGD([{ params: w }, { params: w }]), RangeError, /more than once/],
    [() => new optim.SGD([ops.relu(w)]), RangeError, /can't optimize a non-leaf Tensor/],
    [() => new optim.SGD([w], { lr: -1 }), RangeError, /^SGD: Invalid learning rate: -1; /],
    [() => new optim.SGD([w], { lr: Number.NaN }), RangeError, /Invalid learning rate: NaN/],
    [() => new optim.SGD([w], { nesterov: true }), RangeError, /requires a momentum and zero dampening/],
    [() => Reflect.construct(optim.SGD, [[w], { learningRate: 1 }]), TypeError, /no option 'learningRate'/],
    [() => Reflect.construct(optim.SGD, [[w], { lr: '1' }]), TypeError, /must be a number, not '1'/],
    [() => new optim.Adam([w], { betas: [0.9, 1] }), RangeError, /Invalid beta parameter at index 1: 1/],
    [() => new optim.Adam([w], { eps: -1 }), RangeError, /Invalid epsilon value/],
    [() => new optim.AdamW([w], { weightDecay: -1 }), RangeError, /Invalid weightDecay value/],
    [() => Reflect.construct(optim.Adam, [[w], { amsgrad: 1 }]), TypeError, /amsgrad must be true or false/],
    [() => new optim.SGD([w, { params: parameter(1) }]), TypeError, /all Tensors, or all groups/],
  ])('refuses what cannot be: %s', (make, kind, law) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(law);
  });

  test('checks settings that were changed before it moves anything', () => {
    const a = parameter(1);
    const optimizer = new optim.SGD([a], { lr: 1 });
    a.grad = Tensor.from([1]);
    optimizer.paramGroups[0].lr = Number.NaN;
    expect(() => optimizer.step()).toThrow(/SGD.step: Invalid learning rate: NaN/);
    expect(a.item()).toBe(1);
    expect(() => {
      optimizer.lr = -1;
    }).toThrow(RangeError);
  });
});

describe('a state', () => {
  const gradients = Tensor.randn([6, 12], { seed: 3 });
  const optionsOf: [string, object][] = [
    ['sgd', { lr: 0.1, momentum: 0.9 }],
    ['adam', { lr: 0.02, amsgrad: true, betas: [0.8, 0.9] }],
    ['adamw', { lr: 0.02 }],
  ];

  function run(optimizer: optim.Optimizer, tensor: Tensor, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      tensor.grad = new Tensor(gradients.data.slice(i * 12, (i + 1) * 12), [12]);
      optimizer.step();
    }
  }

  test.each(optionsOf)('of %s, through JSON, goes on as if nothing had happened', (name, options) => {
    const make = makers[name];
    const whole = Tensor.randn([12], { seed: 4 });
    run(make([whole], options), whole, 0, 6);

    const half = Tensor.randn([12], { seed: 4 });
    const before = make([half], options);
    run(before, half, 0, 3);
    const { tensors, ...rest } = before.stateDict();
    const text = JSON.stringify(rest);
    const again = new Tensor(half.data.slice(), [12]);
    run(before, half, 3, 4); // the saved state is a copy
    const after = make([again], { lr: 1 });
    after.loadStateDict({ ...JSON.parse(text), tensors });
    run(after, again, 3, 6);
    expect(bits(again)).toEqual(bits(whole));
    expect(after.lr).toBe(before.lr);
  });

  test('has names and numbers that say what they are', () => {
    const [a, b] = [parameter(1), parameter(1, 2)];
    const optimizer = new optim.Adam([{ params: a }, { params: b, lr: 0.5 }]);
    b.grad = Tensor.from([1, 1]);
    optimizer.step();
    const { paramGroups, state, tensors } = optimizer.stateDict();
    expect(paramGroups.map(({ lr, params }) => [lr, params])).toEqual([
      [0.001, [0]],
      [0.5, [1]],
    ]);
    expect(state).toEqual({ 1: { step: 1, beta1Power: 0.9, beta2Power: 0.999 } });
    expect(Object.entries(tensors).map(([name, { shape }]) => [name, shape])).toEqual([
      ['1.expAvg', [2]],
      ['1.expAvgSq', [2]],
    ]);
  });

  test('that does not fit changes nothing', () => {
    const a = parameter(1, 2);
    const optimizer = new optim.SGD([a], { lr: 0.5, momentum: 0.9 });
    a.grad = Tensor.from([1, 1]);
    optimizer.step();
    const good = optimizer.stateDict();
    const wrong: [object, RegExp][] = [
      [{ ...good, paramGroups: [] }, /groups have/],
      [
        { ...good, paramGroups: [{ ...good.paramGroups[0], params: [0, 1] }] },
        /have 2 parameters, those of the optimizer 1/,
      ],
      [{ ...good, paramGroups: [{ ...good.paramGroups[0], lr: -1 }] }, /Invalid learning rate/],
      [{ ...good, paramGroups: [{ ...good.paramGroups[0], betas: [0, 0] }] }, /no option 'betas'/],
      [{ ...good, tensors: { '1.momentumBuffer': Tensor.zeros([2]) } }, /no '1' among them/],
      [{ ...good, tensors: { '0.momentumBuffer': Tensor.zeros([3]) } }, /has shape \[3\]/],
      [{ ...good, tensors: { '0.velocity': Tensor.zeros([2]) } }, /no state 'velocity'/],
      [{ ...good, tensors: { '0.momentumBuffer': [1, 2] } }, /must be a Tensor/],
      [{ ...good, state: { 0: { step: 1 } } }, /no state 'step'/],
      [{ ...good, tensors: null }, /must be an object/],
    ];
    for (const [state, law] of wrong) {
      expect(() => Reflect.apply(optimizer.loadStateDict, optimizer, [state])).toThrow(law);
    }
    const { tensors, paramGroups } = optimizer.stateDict();
    expect([tensors['0.momentumBuffer'].toArray(), paramGroups]).toEqual([[1, 1], good.paramGroups]);
  });
});
