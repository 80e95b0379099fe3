// Normalisation folded into the weights of what is before it, whichever way those lie.
import { describe, expect, it } from 'vitest';
import { compile, nn, Tensor } from '../../lib/index.js';

/** A normalisation that has seen something. */
function normalisation(channels: number): nn.BatchNorm2d {
  const norm = new nn.BatchNorm2d(channels);
  const draw = (seed: number, least: number) =>
    Tensor.from([...Tensor.rand([channels], { seed }).data].map((value) => least + value));
  norm.loadStateDict(
    { weight: draw(1, 0.5), bias: draw(2, -0.5), runningMean: draw(3, -0.5), runningVar: draw(4, 0.5) },
    { strict: false },
  );
  return norm;
}

const before = {
  'a convolution': () => new nn.Conv2d(6, 10, 3, { padding: 1 }),
  'a convolution without a bias': () => new nn.Conv2d(6, 10, 3, { bias: false }),
  'a grouped convolution': () => new nn.Conv2d(6, 10, 3, { groups: 2 }),
  'a transposed convolution': () => new nn.ConvTranspose2d(6, 10, 3, { stride: 2 }),
  'a grouped transposed convolution': () => new nn.ConvTranspose2d(6, 10, 2, { stride: 2, groups: 2 }),
};

describe('foldBatchNorm', () => {
  it.each(Object.entries(before))('scales each output channel of %s', async (_name, make) => {
    const net = new nn.Sequential(make(), normalisation(10)).eval();
    const x = Tensor.randn([2, 6, 7, 9], { seed: 8 });
    const session = await compile(net, { inputShape: x.shape });
    const [folded, eager] = [session.runSync(x).data, net.forward(x).data];
    let worst = 0;
    for (let i = 0; i < eager.length; i++) worst = Math.max(worst, Math.abs(folded[i] - eager[i]));
    expect(worst).toBeLessThan(1e-5);
    expect(worst).toBeGreaterThan(0); // rounded elsewhere: it was folded
  });
});
