// Packed filters that are replaced give their memory back at once: a training loop may never let the event loop turn.
import { expect, it } from 'vitest';
import { backend, noGrad, ops, Tensor } from '../../lib/index.js';

it('a synchronous loop that changes its weights stays in its memory', () => {
  backend.use('native');
  const weight = Tensor.zeros([512, 512, 3, 3]);
  const x = Tensor.zeros([1, 512, 3, 3]);
  const before = process.memoryUsage.rss();
  for (let round = 0; round < 150; round++) {
    weight.markChanged();
    noGrad(() => ops.conv2d(x, weight, null, { algorithm: 'direct' }));
  }
  // 150 rounds pack 9.4 MB each
  expect(process.memoryUsage.rss() - before).toBeLessThan(300e6);
});

it('layers computed in the background keep the filters they were given', async () => {
  backend.use('native');
  const weight = Tensor.ones([16, 16, 3, 3]);
  const x = Tensor.ones([4, 16, 20, 20]);
  const { prepareConv } = await import('../../lib/ops/conv.js');
  const { parseConvOptions } = await import('../../lib/ops/conv-options.js');
  const settings = parseConvOptions({ algorithm: 'direct' }, 2, 'conv2d');
  const prepared = prepareConv(x, weight, null, settings, 'background', 'conv2d');
  weight.data.fill(2);
  expect(ops.conv2d(x, weight, null, { algorithm: 'direct' }).data[0]).toBe(288);
  await prepared.submit().finished;
  expect(prepared.output.data[0]).toBe(144);
});
