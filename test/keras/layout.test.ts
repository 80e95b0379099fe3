// A channels-last tensor goes through a stack of Keras's layers without a change of layout, and without a copy but where
// one protects a background job. The binding is watched from outside: every call of it is written down.

import { describe, expect, test, vi } from 'vitest';
import type { Binding, ConvGeometry } from '../../binding.js';
import { backend, nn, Tensor } from '../../lib/index.js';
import * as keras from '../../lib/keras.js';
import { storageOf } from '../../lib/tensor/tensor.js';

const { AveragePooling2D, Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Flatten } = keras;
const { GlobalAveragePooling2D, MaxPooling2D, SeparableConv2D, Sequential } = keras;

const calls = vi.hoisted((): { name: string; args: unknown[] }[] => []);

vi.mock('../../lib/backend/index.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../lib/backend/index.js')>();
  const watched = new Map<Binding, Binding>();
  const active = (): Binding => {
    const binding = original.active();
    const known = watched.get(binding);
    if (known !== undefined) return known;
    // The addon's own object is frozen.
    const copy = { ...binding };
    for (const [name, method] of Object.entries(binding)) {
      if (typeof method !== 'function') continue;
      Object.assign(copy, {
        [name]: (...args: unknown[]) => {
          calls.push({ name, args });
          return Reflect.apply(method, binding, args);
        },
      });
    }
    watched.set(binding, copy);
    return copy;
  };
  return { ...original, active };
});

/**
 * The changes of layout since the list was emptied, in the foreground and in the background, convolutions made to read or
 * write channels first among them.
 */
const conversions = () =>
  calls
    .map(({ name, args }) =>
      name === 'submit' ? String(args[0]) : name === 'createConv' ? made(args) : name,
    )
    .filter((name) => name.includes('hannelsFirst') || name === 'toChannelsLast');

const made = ([geometry]: readonly unknown[]): string => {
  const { inputLayout, outputLayout } = geometry as ConvGeometry;
  return `${inputLayout} to ${outputLayout}`;
};

const stack = () =>
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

describe('layout', () => {
  test.each(['native', 'reference'] as const)('a stack changes it nowhere: %s', async (name) => {
    if (name === 'native' && process.env.CONVKIT_TEST_REFERENCE_ONLY === '1') return;
    backend.use(name);
    const net = stack();
    const pooled = new Sequential([new Conv2D({ filters: 4, kernelSize: 1 }), new GlobalAveragePooling2D()]);
    const x = Tensor.randn([2, 12, 12, 3], { seed: 1 });
    calls.length = 0;
    net.forward(x); // kernels are turned once, here
    pooled.forward(x);
    expect(conversions().filter((name) => name.includes(' '))).toEqual([]);

    calls.length = 0;
    const y = net.forward(x);
    const numbers = [...y.data];
    const background = await net.forwardAsync(x);
    expect([...background.data]).toEqual(numbers);
    expect([...(await pooled.forwardAsync(x)).data]).toEqual([...pooled.forward(x).data]);
    expect(conversions()).toEqual([]);
    expect(calls.filter(({ name }) => name === 'submit').length).toBeGreaterThan(9);

    // They would have been seen: channels first, the convolution turns the input, and the kernel was turned before.
    new Conv2D({ filters: 4, kernelSize: 1, dataFormat: 'channelsFirst' }).forward(Tensor.ones([1, 3, 4, 4]));
    expect(conversions()).toEqual(['toChannelsFirst', 'toChannelsFirst', 'channelsFirst to channelsLast']);
  });

  test('in the background a layer borrows what the one before made, and copies what a user can reach', async () => {
    const x = Tensor.randn([1, 6, 6, 3], { seed: 2 });
    const [a, b] = [new Conv2D({ filters: 4, kernelSize: 3 }), new Conv2D({ filters: 2, kernelSize: 3 })];
    b.forward(a.forward(x));
    calls.length = 0;
    const inputOf = (call: number): unknown => calls.filter(({ name }) => name === 'submit')[call].args[3];
    const between = await a.forwardAsync(x);
    expect(inputOf(0)).not.toBe(storageOf(x).data);
    const kept = storageOf(between).data;
    await b.forwardAsync(between);
    expect(inputOf(1)).toBe(kept);
    // Once a user holds the array, it is not the one that jobs read.
    const held = between.data;
    expect(held).not.toBe(kept);
    expect([...held]).toEqual([...kept]);
    const pending = b.forwardAsync(between);
    expect(inputOf(2)).not.toBe(held);
    const { buffer } = held;
    if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
    expect(held).toHaveLength(0);
    expect((await pending).shape).toEqual([1, 2, 2, 2]);
  });

  test('a result computed at once is the array that .data gives', () => {
    const y = new Conv2D({ filters: 4, kernelSize: 3 }).forward(Tensor.ones([1, 6, 6, 3]));
    const own = storageOf(y).data;
    expect(y.data).toBe(own);
  });

  test('Flatten of channels first shares no array that both tensors hand out', () => {
    const x = Tensor.randn([1, 2, 3, 3], { seed: 3 }).channelsLast();
    const y = new Flatten({ dataFormat: 'channelsFirst' }).forward(x);
    expect(y.data.buffer).not.toBe(x.data.buffer);
    const single = Tensor.randn([1, 1, 3, 3], { seed: 3 });
    const flat = new Flatten({ dataFormat: 'channelsFirst' }).forward(single);
    single.data.fill(0);
    expect(flat.toArray()).not.toEqual(single.reshape([1, 9]).toArray());
  });
});
