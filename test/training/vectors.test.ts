// A small network trained for 20 steps as PyTorch trained it: every loss, every final weight and running statistic.

import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { io, nn, ops, optim, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

const STEPS = 20;
const BATCH = 16;

let stored: Record<string, Tensor>;
beforeAll(async () => {
  const path = fileURLToPath(new URL('../vectors/training.safetensors', import.meta.url));
  const all = Object.entries(await io.loadSafetensors(path));
  stored = Object.fromEntries(all.map(([name, tensor]) => [name.replace('small_cnn/', ''), tensor]));
});

const weights = (prefix: string) =>
  Object.fromEntries(
    Object.entries(stored)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );

/** The steps of stored [STEPS, ...shape]. */
function slices(tensor: Tensor): Float32Array[] {
  const size = tensor.data.length / STEPS;
  return Array.from({ length: STEPS }, (_, i) => tensor.data.slice(i * size, (i + 1) * size));
}

function train(layout: 'channels first' | 'channels last'): { losses: number[]; net: nn.Sequential } {
  const net = new nn.Sequential(
    new nn.Conv2d(1, 8, 3, { padding: 1 }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(8, 16, 3, { stride: 2, padding: 1, groups: 2 }),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(64, 10),
  );
  net.loadStateDict(weights('init.'));
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9 });
  const targets = slices(stored.target);
  const losses = slices(stored.x).map((pixels, step) => {
    const images = new Tensor(pixels, [BATCH, 1, 8, 8]);
    const x = layout === 'channels last' ? images.channelsLast() : images;
    const loss = ops.crossEntropy(net.forward(x), Int32Array.from(targets[step]));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss.item();
  });
  return { losses, net };
}

describe.each(backends())('$name', ({ use }) => {
  beforeEach(use);

  test('follows PyTorch’s losses, weights and running statistics', () => {
    const { losses, net } = train('channels first');
    const wanted = [...stored.losses.data];
    losses.forEach((loss, i) => {
      expect(Math.abs(loss - wanted[i]), `loss ${i}`).toBeLessThan(2e-6 * Math.max(1, wanted[i]));
    });
    const state = net.stateDict();
    for (const [name, tensor] of Object.entries(weights('final.'))) {
      const largest = tensor.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const got = state[name].data;
      tensor.data.forEach((value, i) => {
        expect(Math.abs(got[i] - value), `${name} at ${i}`).toBeLessThan(5e-6 * largest);
      });
    }
  });
});

test('every backend, instruction set and layout ends with the same bits', () => {
  const runs = contenders().flatMap(({ name, use }) => {
    use();
    return (['channels first', 'channels last'] as const).map((layout) => {
      const { losses, net } = train(layout);
      const state = Object.entries(net.stateDict()).map(([key, tensor]) => [key, bits(tensor)]);
      return { name: `${name}, ${layout}`, result: { losses, state } };
    });
  });
  for (const { name, result } of runs.slice(1)) expect(result, name).toEqual(runs[0].result);
});
