// The graph and the walk through it, on operations made of plain loops: what is recorded, added, freed and refused.

import { describe, expect, test } from 'vitest';
import { recycledBytes } from '../../lib/backend/recycled.js';
import { backend, manualSeed, nn, noGrad, ShapeError, Tensor } from '../../lib/index.js';
import {
  gradientMemory,
  gradientTensor,
  mutate,
  record,
  recording,
  save,
} from '../../lib/tensor/autograd.js';
import { ROW_MAJOR } from '../../lib/tensor/storage.js';
import { logicalArray, storageOf } from '../../lib/tensor/tensor.js';

const leaf = (values: number[], shape = [values.length]) =>
  new Tensor(Float32Array.from(values), shape, { requiresGrad: true });

const gradOf = (x: Tensor): Tensor | null => x.grad;

/** a * b. */
function times(a: Tensor, b: Tensor): Tensor {
  const product = (p: Tensor, q: Tensor, into = new Float32Array(logicalArray(p, 'times').length)) => {
    const other = logicalArray(q, 'times');
    logicalArray(p, 'times').forEach((value, i) => {
      into[i] = value * other[i];
    });
    return into;
  };
  const y = new Tensor(product(a, b), a.shape);
  if (recording([a, b])) {
    const [left, right] = [save(a), save(b)];
    record(y, 'times', [a, b], (upstream, needs) =>
      [right, left].map((other, i) =>
        needs[i]
          ? gradientTensor(product(upstream, other(), gradientMemory(a.shape)), ROW_MAJOR, a.shape)
          : null,
      ),
    );
  }
  return y;
}

/** a + b: both gradients are the upstream one itself. */
function plus(a: Tensor, b: Tensor): Tensor {
  const other = logicalArray(b, 'plus');
  const y = new Tensor(
    logicalArray(a, 'plus').map((value, i) => value + other[i]),
    a.shape,
  );
  record(y, 'plus', [a, b], (upstream) => [upstream, upstream]);
  return y;
}

function total(x: Tensor): Tensor {
  const y = new Tensor(Float32Array.of(logicalArray(x, 'total').reduce((a, b) => a + b, 0)), []);
  record(y, 'total', [x], (upstream) => [
    gradientTensor(gradientMemory(x.shape).fill(upstream.item()), ROW_MAJOR, x.shape),
  ]);
  return y;
}

describe('recording', () => {
  test('happens only where an input needs a gradient', () => {
    const plain = Tensor.from([1, 2]);
    expect(times(plain, plain).requiresGrad).toBe(false);
    expect(times(plain, plain).isLeaf).toBe(true);
    const y = times(plain, leaf([1, 2]));
    expect(y.requiresGrad).toBe(true);
    expect(y.isLeaf).toBe(false);
    expect(y.grad).toBeNull();
  });

  test('stops at detach and inside noGrad', () => {
    const x = leaf([2]);
    expect(x.detach().requiresGrad).toBe(false);
    expect(noGrad(() => times(x, x)).requiresGrad).toBe(false);
    expect(times(x, x).requiresGrad).toBe(true);
    expect(() =>
      noGrad(() => {
        throw new RangeError('within');
      }),
    ).toThrow('within');
    expect(times(x, x).requiresGrad).toBe(true);
  });

  test('noGrad covers an async function to its end, and nobody else', async () => {
    const x = leaf([2]);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
    const [inside, outside] = await Promise.all([
      noGrad(async () => {
        await pause();
        return times(x, x);
      }),
      (async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return times(x, x);
      })(),
    ]);
    expect(inside.requiresGrad).toBe(false);
    expect(outside.requiresGrad).toBe(true);
  });

  test('begins with the parameters of layers, those apart that were frozen', () => {
    const conv = new nn.Conv2d(1, 2, 3);
    expect(conv.weight.requiresGrad).toBe(true);
    expect(conv.bias?.requiresGrad).toBe(true);
    expect(conv.stateDict().weight.requiresGrad).toBe(false);
    class Own extends nn.Module {
      scale = Tensor.ones([2]);
      shift = new Tensor(new Float32Array(2), [2], { requiresGrad: false });
      conv = conv;
      override forward(x: Tensor) {
        return x;
      }
    }
    const own = new Own();
    own.registerBuffer('mean', Tensor.zeros([2]));
    conv.weight.requiresGrad = false;
    expect(own.namedParameters().map(([name, tensor]) => [name, tensor.requiresGrad])).toEqual([
      ['scale', true],
      ['shift', false],
      ['conv.weight', false],
      ['conv.bias', true],
    ]);
    expect(own.namedBuffers().map(([, tensor]) => tensor.requiresGrad)).toEqual([false]);
  });
});

describe('backward', () => {
  test('adds up over all ways to a leaf', () => {
    const x = leaf([1, 2, 3]);
    const squares = times(x, x);
    total(plus(times(squares, x), plus(squares, x))).backward(); // x^3 + x^2 + x
    expect(x.grad?.toArray()).toEqual([6, 17, 34]);
  });

  test('accumulates over calls until grad is set', () => {
    const x = leaf([1, 2]);
    total(times(x, x)).backward();
    const { grad } = x;
    total(times(x, x)).backward();
    expect(x.grad).toBe(grad);
    expect(x.grad?.toArray()).toEqual([4, 8]);
    x.grad = null;
    total(x).backward();
    expect(gradOf(x)?.toArray()).toEqual([1, 1]);
    expect(grad?.toArray()).toEqual([4, 8]);
  });

  test('takes the gradient of a result with several elements, and leaves it alone', () => {
    const x = leaf([1, 2]);
    const gradient = Tensor.from([10, 100]);
    const y = plus(x, x);
    y.backward(gradient);
    expect(x.grad?.toArray()).toEqual([20, 200]);
    expect(gradient.toArray()).toEqual([10, 100]);
    x.backward(gradient);
    expect(x.grad?.toArray()).toEqual([30, 300]);
    x.grad = null;
    x.backward(gradient);
    expect(x.grad).not.toBe(gradient);
    x.backward(gradient);
    expect(gradient.toArray()).toEqual([10, 100]);
  });

  test('passes reshape and channelsLast, and gives a leaf its own layout', () => {
    const x = leaf(
      Array.from({ length: 24 }, (_, i) => i),
      [2, 3, 2, 2],
    );
    total(times(x.channelsLast().reshape([4, 6]), x.reshape([4, 6]))).backward();
    expect(x.grad?.shape).toEqual([2, 3, 2, 2]);
    expect(x.grad?.reshape([-1]).toArray()).toEqual(Array.from({ length: 24 }, (_, i) => 2 * i));
    const last = Tensor.rand([2, 3, 2, 2], { seed: 1 }).channelsLast();
    last.requiresGrad = true;
    for (let round = 1; round <= 2; round++) {
      total(times(last, Tensor.full([2, 3, 2, 2], 3))).backward();
      expect(last.grad && storageOf(last.grad).channelAxis).toBe(1);
      expect(last.grad?.toArray()).toEqual(Tensor.full([2, 3, 2, 2], 3 * round).toArray());
    }
  });

  test('adds in the reverse order of the operations, whatever the order of the sum', () => {
    // In float32, (1 + 1e8) - 1e8 is 0 and 1 + (1e8 - 1e8) is 1: latest operation first
    const x = leaf([1]);
    const first = times(x, Tensor.from([-1e8]));
    const second = times(x, Tensor.from([1e8]));
    const third = times(x, Tensor.from([1]));
    plus(plus(third, first), second).backward();
    expect(x.grad?.item()).toBe(0);
    x.grad = null;
    const one = times(x, Tensor.from([1]));
    const minus = times(x, Tensor.from([-1e8]));
    const more = times(x, Tensor.from([1e8]));
    plus(one, plus(minus, more)).backward();
    expect(gradOf(x)?.item()).toBe(1);
  });

  test('runs through ten thousand operations in a row', () => {
    const x = leaf([1]);
    let y = x;
    for (let i = 0; i < 10_000; i++) y = plus(y, Tensor.from([0]));
    y.backward();
    expect(x.grad?.item()).toBe(1);
  });

  test('reuses memory that only the walk has seen, and no other', () => {
    backend.releaseScratch();
    const n = 5000;
    const x = leaf(new Array(n).fill(1));
    let y = x;
    for (let i = 0; i < 10; i++) y = times(y, Tensor.full([n], 2));
    const held = Tensor.ones([n]);
    y.backward(held);
    expect(held.toArray()).toEqual(new Array(n).fill(1));
    expect(x.grad?.toArray()).toEqual(new Array(n).fill(1024));
    expect(recycledBytes()).toBe(4 * n); // two gradients alive at a time, of which x has kept one
    backend.releaseScratch();
    expect(recycledBytes()).toBe(0);
  });
});

describe('the graph', () => {
  test('is freed by backward, unless it is retained', () => {
    const x = leaf([3]);
    const y = times(x, x);
    y.backward(null, { retainGraph: true });
    y.backward();
    expect(x.grad?.item()).toBe(12);
    expect(() => y.backward()).toThrow(/Trying to backward through the graph a second time.*times/);
    expect(() => total(y).backward()).toThrow(/retainGraph: true/);
    expect(x.grad?.item()).toBe(12);
  });

  test('keeps what it saved only until then', async () => {
    const x = leaf([3]);
    const { y, middle } = (() => {
      const squared = times(x, x);
      return { y: times(squared, x), middle: new WeakRef(squared) };
    })();
    const collected = async () => {
      for (let i = 0; i < 20 && middle.deref() !== undefined; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        globalThis.gc?.();
      }
      return middle.deref() === undefined;
    };
    if (globalThis.gc !== undefined) expect(await collected()).toBe(false);
    y.backward();
    if (globalThis.gc !== undefined) expect(await collected()).toBe(true);
    expect(x.grad?.item()).toBe(27);
  });

  test('notices that a saved tensor was changed', () => {
    const changes: [string, (x: Tensor) => void][] = [
      ['data', (x) => x.data.fill(7)],
      ['markChanged', (x) => x.markChanged()],
      ['mutate', (x) => mutate(x, (data) => data.fill(7), 'test')],
    ];
    for (const [, change] of changes) {
      const x = leaf([1, 2]);
      const y = total(times(x, x));
      change(x);
      expect(() => y.backward()).toThrow(
        /one of the variables needed for gradient computation has been modified by an inplace operation: times/,
      );
    }
    const conv = new nn.Conv2d(1, 1, 1);
    const y = total(times(conv.weight, conv.weight));
    conv.loadStateDict({ weight: Tensor.ones([1, 1, 1, 1]), bias: Tensor.ones([1]) });
    expect(() => y.backward()).toThrow(/modified by an inplace operation/);
  });

  test('does not mind that one was read', () => {
    const x = leaf([1, 2]);
    const y = times(x, x);
    const z = total(times(y, y));
    x.data;
    expect(Array.from(y.data)).toEqual([1, 4]);
    y.data;
    z.backward();
    expect(x.grad?.toArray()).toEqual([4, 32]);
  });

  test('tells a change that was read over from one that was undone', () => {
    const x = leaf([1, 2]);
    const y = total(times(x, x));
    const { data } = x;
    data[0] = 5;
    x.data;
    expect(() => y.backward(null, { retainGraph: true })).toThrow(/modified/);
    data[0] = 1;
    y.backward();
    expect(x.grad?.toArray()).toEqual([2, 4]);
  });
});

describe('refuses', () => {
  test.each<[string, () => unknown, RegExp, unknown]>([
    [
      'no graph',
      () => Tensor.ones([1]).backward(),
      /does not require grad and does not have a grad_fn/,
      TypeError,
    ],
    ['noGrad', () => noGrad(() => total(leaf([1]))).backward(), /does not require grad/, TypeError],
    [
      'several elements',
      () => leaf([1, 2]).backward(),
      /grad can be implicitly created only for scalar outputs, but the shape is \[2\]/,
      ShapeError,
    ],
    [
      'a gradient of another shape',
      () => leaf([1, 2]).backward(Tensor.ones([3])),
      /Mismatch in shape: gradient has a shape of \[3\] and the tensor has a shape of \[2\]/,
      ShapeError,
    ],
    [
      'no tensor',
      () => Reflect.apply(leaf([1]).backward, leaf([1]), [1]),
      /gradient must be a Tensor, not 1/,
      TypeError,
    ],
    [
      'an unknown option',
      () => Reflect.apply(leaf([1]).backward, leaf([1]), [null, { retain: true }]),
      /the only one is 'retainGraph'/,
      TypeError,
    ],
    ['NaN', () => total(leaf([Number.NaN])).backward(), /the loss is NaN/, RangeError],
    ['infinity', () => total(leaf([-Infinity])).backward(), /the loss is -Infinity/, RangeError],
    [
      'a result that is to need no gradient',
      () => {
        total(leaf([1])).requiresGrad = false;
      },
      /you can only change requiresGrad flags of leaf variables.*total.*detach/,
      TypeError,
    ],
    [
      'a grad of another shape',
      () => {
        leaf([1]).grad = Tensor.ones([2]);
      },
      /grad: must have shape \[1\], but got \[2\]/,
      ShapeError,
    ],
    [
      'a flag that is none',
      () => Reflect.set(leaf([1]), 'requiresGrad', 1),
      /must be true or false, not 1/,
      TypeError,
    ],
    [
      'an unknown option of Tensor',
      () => Reflect.construct(Tensor, [new Float32Array(1), [1], { requires_grad: true }]),
      /there is no option 'requires_grad'; the only one is 'requiresGrad'/,
      TypeError,
    ],
  ])('%s', (_, act, words, kind) => {
    expect(act).toThrow(words);
    expect(act).toThrow(kind as ErrorConstructor);
  });

  test('a leaf that no longer requires one gets none', () => {
    const x = leaf([1]);
    const w = leaf([2]);
    const y = times(x, w);
    x.requiresGrad = false;
    y.backward();
    expect(x.grad).toBeNull();
    expect(w.grad?.item()).toBe(1);
  });
});

test('parameters begin as before: manualSeed decides', () => {
  manualSeed(3);
  const a = new nn.Linear(2, 2).weight.toArray();
  manualSeed(3);
  expect(new nn.Linear(2, 2).weight.toArray()).toEqual(a);
});
