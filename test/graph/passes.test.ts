// What passes make of a graph, and that a session without folding gives the bits of the eager layers all the same.
import { describe, expect, it } from 'vitest';
import { compile, nn, noGrad, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

/** A normalisation that is more than the identity. */
function norm(channels: number, seed: number): nn.BatchNorm2d {
  const layer = new nn.BatchNorm2d(channels);
  layer.weight?.data.set(Tensor.rand([channels], { seed }).data);
  layer.bias?.data.set(Tensor.randn([channels], { seed: seed + 1 }).data);
  layer.runningMean?.data.set(Tensor.randn([channels], { seed: seed + 2 }).data);
  return layer;
}

/** DenseNet's block: every layer reads what all before it gave. */
class Dense extends nn.Module {
  norms = [0, 1, 2].map((i) => norm(8 + 4 * i, i));
  narrow = [0, 1, 2].map((i) => new nn.Conv2d(8 + 4 * i, 16, 1, { bias: false }));
  wide = [0, 1, 2].map(() => new nn.Conv2d(16, 4, 3, { padding: 1 }));
  last = norm(20, 9);
  out = new nn.Conv2d(20, 6, 1);
  pool = new nn.AvgPool2d(2);

  override forward(x: Tensor): Tensor {
    const features = [this.pool.forward(x)];
    for (const [i, layer] of this.norms.entries()) {
      const joined = ops.concat(features, { dim: 1 });
      const y = this.narrow[i].forward(ops.relu(layer.forward(joined)));
      features.push(this.wide[i].forward(ops.relu(y)));
    }
    const all = this.last.forward(ops.concat(features, { dim: 1 }));
    return this.pool.forward(this.out.forward(ops.relu(all)));
  }
}

/** Inception's: branches side by side, one of them split once more. */
class Branches extends nn.Module {
  stem = new nn.Conv2d(3, 8, 3, { activation: 'relu' });
  one = new nn.Conv2d(8, 5, 1, { activation: 'relu' });
  three = new nn.Conv2d(8, 8, 3, { padding: 1, activation: 'relu' });
  left = new nn.Conv2d(8, 4, [1, 3], { padding: [0, 1] });
  right = new nn.Conv2d(8, 4, [3, 1], { padding: [1, 0] });
  pool = new nn.MaxPool2d(3, { stride: 1, padding: 1 });

  override forward(x: Tensor): Tensor {
    const y = this.stem.forward(x);
    const wide = this.three.forward(y);
    const split = ops.concat([this.left.forward(wide), this.right.forward(wide)], { dim: 1 });
    const joined = ops.concat([this.one.forward(y), split, this.pool.forward(y)], { dim: 1 });
    return ops.relu(joined);
  }
}

/** Squeeze and excite before a 1x1 convolution around which the input goes. */
class Excited extends nn.Module {
  expand = new nn.Conv2d(8, 20, 1, { activation: 'silu' });
  deep = new nn.Conv2d(20, 20, 3, { padding: 1, groups: 20, activation: 'silu' });
  pool = new nn.AdaptiveAvgPool2d(1);
  fc1 = new nn.Conv2d(20, 4, 1, { activation: 'silu' });
  fc2 = new nn.Conv2d(4, 20, 1, { activation: 'sigmoid' });
  project = new nn.Conv2d(20, 8, 1);

  override forward(x: Tensor): Tensor {
    const y = this.deep.forward(this.expand.forward(x));
    const scale = this.fc2.forward(this.fc1.forward(this.pool.forward(y)));
    return ops.add(this.project.forward(ops.mul(scale, y)), x);
  }
}

/** Parts that others read as well, or that nothing makes: they are copied, as they have to be. */
class Shared extends nn.Module {
  one = new nn.Conv2d(4, 4, 1);
  three = new nn.Conv2d(4, 4, 3, { padding: 1 });

  override forward(x: Tensor): Tensor {
    const y = this.one.forward(x);
    return ops.concat([ops.concat([y, x], { dim: 1 }), this.three.forward(y), y], { dim: 1 });
  }
}

/** A part that another part is made from. */
class Chained extends nn.Module {
  one = new nn.Conv2d(4, 4, 1);
  two = new nn.Conv2d(4, 6, 1);

  override forward(x: Tensor): Tensor {
    const y = this.one.forward(x);
    return ops.concat([y, this.two.forward(y)], { dim: 1 });
  }
}

const cases = [
  { name: 'dense blocks', net: new Dense(), shape: [2, 8, 12, 10], gone: ['concat', 'affine', 'relu'] },
  { name: 'branches', net: new Branches(), shape: [2, 3, 11, 9], gone: ['concat'] },
  { name: 'squeeze and excite', net: new Excited(), shape: [3, 8, 7, 6], gone: ['mul', 'add'] },
  { name: 'one image excited', net: new Excited(), shape: [1, 8, 7, 6], gone: ['mul', 'add'] },
  { name: 'chained parts', net: new Chained(), shape: [2, 4, 6, 6], gone: [] },
  { name: 'shared parts', net: new Shared(), shape: [2, 4, 6, 6], gone: [] },
];

describe.each(cases)('$name', ({ net, shape, gone }) => {
  net.eval();

  it('lose the steps that only move or scale', async () => {
    const session = await compile(net, { inputShape: shape });
    const steps = session.summary().steps.map(({ operation }) => operation);
    for (const operation of gone) expect(steps, operation).not.toContain(operation);
  });

  it.each(contenders())('give the bits of the eager layers on $name', async ({ use }) => {
    use();
    const session = await compile(net, { inputShape: shape, foldBatchNorm: false });
    for (let seed = 1; seed < 4; seed++) {
      const x = Tensor.randn(shape, { seed });
      const wanted = noGrad(() => net.forward(x));
      expect(bits(session.runSync(x)), `x ${seed}`).toEqual(bits(wanted));
      expect(bits(await session.run(x))).toEqual(bits(wanted));
    }
  });
});

it('keeps parts that are asked for by name', async () => {
  const net = new Branches();
  const x = Tensor.randn([1, 3, 9, 9], { seed: 4 });
  const session = await compile(net, { inputShape: x.shape, outputs: ['one', 'left', 'output'] });
  const { one, left, output } = session.runSync(x);
  const y = noGrad(() => net.stem.forward(x));
  expect(bits(one)).toEqual(bits(noGrad(() => net.one.forward(y))));
  expect(bits(left)).toEqual(bits(noGrad(() => net.left.forward(net.three.forward(y)))));
  expect(bits(output)).toEqual(bits(noGrad(() => net.forward(x))));
});
