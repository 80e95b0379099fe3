// Batches whose early steps run image by image: the bits of the eager layers, in less memory, and only where images are
// computed apart.
import { describe, expect, it } from 'vitest';
import { compile, nn, noGrad, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

/** Two residual blocks with a squeeze and excitation, then a layer of more weights than an image has activations. */
class Net extends nn.Module {
  stem = new nn.Conv2d(3, 8, 3, { stride: 2, padding: 1, activation: 'relu' });
  one = new nn.Conv2d(8, 16, 3, { padding: 1, activation: 'relu' });
  two = new nn.Conv2d(16, 8, 3, { padding: 1 });
  squeeze = new nn.AdaptiveAvgPool2d(1);
  excite = new nn.Conv2d(8, 8, 1, { activation: 'sigmoid' });
  project = new nn.Conv2d(8, 8, 1);
  left = new nn.Conv2d(8, 6, 3, { padding: 1 });
  pool = new nn.AdaptiveAvgPool2d(2);
  flatten = new nn.Flatten();
  wide = new nn.Linear(14 * 4, 4096);

  override forward(x: Tensor): Tensor {
    const y = this.stem.forward(x);
    const z = ops.relu(ops.add(this.two.forward(this.one.forward(y)), y));
    const scaled = ops.mul(this.excite.forward(this.squeeze.forward(z)), z);
    const w = this.project.forward(scaled);
    const joined = ops.concat([w, this.left.forward(z)], { dim: 1 });
    return this.wide.forward(this.flatten.forward(this.pool.forward(joined)));
  }
}

/** Takes from every image what all images have in common. */
class Centred extends nn.Module {
  conv = new nn.Conv2d(3, 8, 3, { padding: 1 });
  next = new nn.Conv2d(8, 8, 3, { padding: 1 });

  override forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.next.forward(ops.sub(y, ops.mean(y, { dim: 0, keepDim: true })));
  }
}

const images = 5;
const x = Tensor.randn([images, 3, 120, 120], { seed: 3 });

describe.each(contenders())('$name', ({ use }) => {
  it('gives the bits of the eager layers, by several outputs too', async () => {
    use();
    const net = new Net().eval();
    const session = await compile(net, { inputShape: x.shape, outputs: ['two', 'squeeze', 'output'] });
    const { two, squeeze, output } = session.runSync(x);
    const eager = noGrad(() => net.forward(x));
    expect(bits(output)).toEqual(bits(eager));
    const first = noGrad(() => net.one.forward(net.stem.forward(x)));
    expect(bits(two)).toEqual(bits(noGrad(() => net.two.forward(first))));
    expect(squeeze.shape).toEqual([images, 8, 1, 1]);
    expect(bits((await session.run(x)).output)).toEqual(bits(eager));
    await session.close();
  });
});

it('repeats early steps for every image, in the memory of one, and late ones not', async () => {
  const session = await compile(new Net(), { inputShape: [1, 3, 160, 160] });
  const one = session.summary();
  const all = session.summary([images, 3, 160, 160]);
  const times = (path: string): number => all.steps.filter((step) => step.path === path).length;
  expect([times('stem'), times('one'), times('wide')]).toEqual([images, images, 1]);
  expect(all.macs).toBe(images * one.macs);
  const inputs = 4 * images * 3 * 160 * 160;
  expect(all.arenaBytes).toBeLessThan(one.arenaBytes + inputs + 4096);
});

it('keeps a batch together whose images are not computed apart', async () => {
  const net = new Centred().eval();
  const session = await compile(net, { inputShape: x.shape });
  expect(session.summary().steps.filter(({ path }) => path === 'conv')).toHaveLength(1);
  expect(bits(session.runSync(x))).toEqual(bits(noGrad(() => net.forward(x))));
});
