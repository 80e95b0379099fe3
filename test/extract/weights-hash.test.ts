// The hash of weights that are still in their file is the one of the weights themselves, also once a session has taken them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hashedLater, weightsSha256 } from '../../lib/extract/weights-hash.js';
import { compile } from '../../lib/graph/compile.js';
import { loadSafetensors, saveSafetensors } from '../../lib/io/index.js';
import * as nn from '../../lib/nn/index.js';
import { manualSeed } from '../../lib/numerics/philox.js';

const folder = mkdtempSync(join(tmpdir(), 'convkit-hash-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** One weight of 18432 elements, which lies in the file until it is read, and small ones. */
function network(): nn.Module {
  manualSeed(7);
  return new nn.Sequential(
    new nn.Conv2d(3, 32, 3),
    new nn.BatchNorm2d(32),
    new nn.Conv2d(32, 64, 3),
    new nn.ReLU(),
  ).eval();
}

describe('hashedLater', () => {
  const inputShape = [1, 3, 9, 9];

  it('hashes weights in their file after a session has taken them', async () => {
    const path = join(folder, 'weights.safetensors');
    await saveSafetensors(path, network().stateDict());
    const module = network();
    module.loadStateDict(await loadSafetensors(path, { lazy: true }), { assign: true });
    const later = hashedLater(module);
    await compile(module, { inputShape, releaseWeights: true });
    expect(() => module.stateDict()['2.weight'].data).toThrow(/taken/);
    expect(await later()).toBe(weightsSha256(network()));
    expect(await later()).toBe(weightsSha256(network()));
  });

  it('hashes weights in memory as they were, whatever becomes of them', async () => {
    const module = network();
    const later = hashedLater(module);
    await compile(module, { inputShape, releaseWeights: true });
    expect(await later()).toBe(weightsSha256(network()));

    const small = new nn.Conv2d(1, 1, 1);
    const before = weightsSha256(small);
    const ofSmall = hashedLater(small);
    small.weight.data.fill(0);
    expect(await ofSmall()).toBe(before);
    expect(weightsSha256(small)).not.toBe(before);
  });

  it('says that the file has changed since', async () => {
    const path = join(folder, 'changed.safetensors');
    await saveSafetensors(path, network().stateDict());
    const module = network();
    module.loadStateDict(await loadSafetensors(path, { lazy: true }), { assign: true });
    const later = hashedLater(module);
    await saveSafetensors(path, network().stateDict());
    await expect(later()).rejects.toThrow(/has changed since/);
  });
});
