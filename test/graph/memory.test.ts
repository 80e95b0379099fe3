// A network that needs more memory than there is: refused before its weights are packed, not ended by the system in a run.

import { expect, test, vi } from 'vitest';

vi.spyOn(process, 'constrainedMemory').mockReturnValue(2 ** 20);
const { compile, nn, Tensor } = await import('../../lib/index.js');

test('a session that cannot run is not made', async () => {
  const net = new nn.Sequential(new nn.Conv2d(3, 16, 3), new nn.Conv2d(16, 4, 3));
  await expect(compile(net, { inputShape: [1, 3, 256, 256] })).rejects.toThrow(
    /^compile: what lies between the layers takes 0\.00\d+ GB, and this machine has 0\.00105 GB; use a smaller/,
  );
  const session = await compile(net, { inputShape: [1, 3, 16, 16] });
  const x = Tensor.randn([1, 3, 16, 16], { seed: 1 });
  expect(session.runSync(x).data).toEqual(net.forward(x).data);
  expect(() => session.runSync(Tensor.zeros([1, 3, 256, 256]))).toThrow(/compile: what lies between/);
  expect(session.runSync(x).shape).toEqual([1, 4, 12, 12]);
});
