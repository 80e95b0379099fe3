// The memory that a session's filters share: freed with the last of them, whoever keeps the others.

import { expect, test } from 'vitest';
import { compile, nn, Tensor } from '../../lib/index.js';

test('sessions come and go without their filters staying', async () => {
  const shape = [1, 512, 8, 8];
  const run = async (): Promise<void> => {
    // 9 MB of weights, 17 MB as tiles of 2x2 read them
    const net = new nn.Sequential(new nn.Conv2d(512, 512, 3, { padding: 1 }), new nn.Conv2d(512, 64, 1));
    const session = await compile(net, { inputShape: shape, releaseWeights: true });
    expect((await session.run(Tensor.zeros(shape))).shape).toEqual([1, 64, 8, 8]);
    await session.close();
  };
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 40; i++) await run();
  expect(process.memoryUsage.rss() - before).toBeLessThan(400e6);
});

test('filters outlive the session that they were packed for', async () => {
  const net = new nn.Sequential(new nn.Conv2d(3, 32, 3), new nn.ReLU(), new nn.Conv2d(32, 8, 3));
  const x = Tensor.randn([2, 3, 20, 20], { seed: 4 });
  const expected = net.forward(x).data;
  const first = await compile(net, { inputShape: [1, 3, 20, 20] });
  const second = await compile(net, { inputShape: [2, 3, 20, 20] }); // has the filters of the first
  await first.close();
  expect((await second.run(x)).data).toEqual(expected);
});
