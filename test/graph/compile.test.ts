// Compiled networks give the bits of eager ones, on every backend.
import { describe, expect, it } from 'vitest';
import { backend, compile, nn, noGrad, ops, Tensor } from '../../lib/index.js';
import { SqueezeExcitation } from '../../lib/models/squeeze-excitation.js';
import { backends } from '../support/backends.js';
import { bits } from '../support/bits.js';

class Residual extends nn.Module {
  conv1: nn.Conv2d;
  conv2: nn.Conv2d;
  relu = new nn.ReLU();

  constructor(channels: number) {
    super();
    this.conv1 = new nn.Conv2d(channels, channels, 3, { padding: 1 });
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1 });
  }

  override forward(x: Tensor): Tensor {
    const y = this.relu.forward(this.conv1.forward(x));
    return this.relu.forward(ops.add(this.conv2.forward(y), x));
  }
}

class Branches extends nn.Module {
  left = new nn.Conv2d(8, 5, 1);
  right = new nn.Sequential(new nn.Conv2d(8, 8, 3, { padding: 'same', groups: 8 }), new nn.SiLU());

  override forward(x: Tensor): Tensor {
    return ops.concat([this.left.forward(x), this.right.forward(x), x], { dim: 1 });
  }
}

const network = () =>
  new nn.Sequential({
    stem: new nn.Conv2d(3, 8, 3, { stride: 2, padding: 1, paddingMode: 'reflect' }),
    act: new nn.Hardswish(),
    block: new Residual(8),
    pool: new nn.MaxPool2d(2),
    branches: new Branches(),
    up: new nn.ConvTranspose2d(21, 4, 2, { stride: 2 }),
    flat: new nn.Flatten(),
    fc: new nn.Linear(256, 10),
  });

const images = (batch: number) => Tensor.randn([batch, 3, 16, 16], { seed: 5 });

describe.each(backends())('on $name', ({ use }) => {
  it('gives the bits of the eager layers, at once and in the background, for every batch', async () => {
    use();
    const net = network();
    const session = await compile(net, { inputShape: [1, 3, 16, 16] });
    for (const batch of [1, 3, 1, 0]) {
      const x = images(batch);
      const wanted = noGrad(() => net.forward(x));
      for (const y of [session.runSync(x), await session.run(x), session.runSync(x.channelsLast())]) {
        expect(y.shape).toEqual(wanted.shape);
        expect(bits(y)).toEqual(bits(wanted));
      }
    }
    await session.close();
  });

  // The convolution's products are just enough for that, and 9 images no longer wait for weights
  it('gives the same bits where the weights of a classifier are fetched while a convolution runs', async () => {
    use();
    const net = new nn.Sequential(
      new nn.Conv2d(72, 264, 1),
      new nn.AdaptiveAvgPool2d(1),
      new nn.Flatten(),
      new nn.Linear(264, 250),
    );
    const session = await compile(net, { inputShape: [1, 72, 7, 7] });
    for (const batch of [1, 3, 9]) {
      const x = Tensor.randn([batch, 72, 7, 7], { seed: 6 });
      const wanted = noGrad(() => net.forward(x));
      expect(bits(session.runSync(x))).toEqual(bits(wanted));
    }
    await session.close();
  });

  // On two threads a large filter is shared by channels, once all of its input is scaled; 96 outputs share positions
  it('gives the same bits where the input of a convolution is scaled, or normalised, on its way', async () => {
    use();
    const { threads } = backend.info();
    const excited = (outputs: number) =>
      new nn.Sequential(
        new SqueezeExcitation(520, 4, { activation: 'silu', gate: 'sigmoid' }),
        new nn.Conv2d(520, outputs, 1),
      );
    const normalised = new nn.Sequential(new nn.BatchNorm2d(520), new nn.ReLU(), new nn.Conv2d(520, 264, 1));
    for (const net of [excited(96), excited(264), normalised]) {
      net.eval();
      const session = await compile(net, { inputShape: [1, 520, 5, 5], foldBatchNorm: false });
      for (const batch of [1, 2]) {
        const x = Tensor.randn([batch, 520, 5, 5], { seed: 7 });
        const wanted = noGrad(() => net.forward(x));
        for (const count of [1, 2, 3]) {
          backend.setThreads(count);
          expect(bits(session.runSync(x))).toEqual(bits(wanted));
        }
      }
      await session.close();
    }
    backend.setThreads(threads);
  });

  // Each of these fetches what the one after it begins with: filters smaller and larger than its input, Winograd's, a
  // depthwise one in between, a classifier
  it('gives the same bits on one to four threads where convolutions follow one another', async () => {
    use();
    const { threads } = backend.info();
    const net = new nn.Sequential(
      new nn.Conv2d(72, 130, 1),
      new nn.Conv2d(130, 40, 3, { padding: 1 }),
      new nn.BatchNorm2d(40),
      new nn.ReLU(),
      new nn.Conv2d(40, 136, 1),
      new nn.Conv2d(136, 136, 3, { padding: 1, groups: 136 }),
      new nn.Conv2d(136, 24, [1, 5], { padding: [0, 2] }),
      new nn.AdaptiveAvgPool2d(1),
      new nn.Conv2d(24, 300, 1),
    );
    net.eval();
    const session = await compile(net, { inputShape: [1, 72, 9, 9], foldBatchNorm: false });
    for (const batch of [1, 2]) {
      const x = Tensor.randn([batch, 72, 9, 9], { seed: 3 });
      const wanted = bits(noGrad(() => net.forward(x)));
      for (const count of [1, 2, 3, 4]) {
        backend.setThreads(count);
        for (let run = 0; run < 3; run++) expect(bits(session.runSync(x))).toEqual(wanted);
      }
    }
    await session.close();
    backend.setThreads(threads);
  });

  it('gives named outputs, fused away or not', async () => {
    use();
    const net = network();
    const outputs = ['stem', 'block', 'block.conv2', 'block.relu:0', 'branches.right', 'flat', 'output'];
    const session = await compile(net, { inputShape: [2, 3, 16, 16], outputs });
    const x = images(2);
    const eager = noGrad(() => {
      const stem = net.stem as nn.Conv2d;
      const block = net.block as Residual;
      const first = stem.forward(x);
      const active = new nn.Hardswish().forward(first);
      const inner = ops.relu(block.conv1.forward(active));
      const after = block.forward(active);
      const pooled = new nn.MaxPool2d(2).forward(after);
      const branches = net.branches as Branches;
      return {
        stem: first,
        block: after,
        'block.conv2': block.conv2.forward(inner),
        'block.relu:0': inner,
        'branches.right': branches.right.forward(pooled),
        flat: ops.flatten((net.up as nn.ConvTranspose2d).forward(branches.forward(pooled)), { startDim: 1 }),
        output: net.forward(x),
      };
    });
    for (const results of [session.runSync(x), await session.run(x)]) {
      expect(Object.keys(results)).toEqual(outputs);
      for (const [name, wanted] of Object.entries(eager)) {
        expect(results[name].shape, name).toEqual(wanted.shape);
        expect(bits(results[name]), name).toEqual(bits(wanted));
      }
    }
  });

  it('takes other image sizes, and images alone', async () => {
    use();
    const net = new nn.Sequential(new Residual(4), new nn.AdaptiveAvgPool2d(1));
    const session = await compile(net, { inputShape: [1, 4, 8, 8] });
    for (const shape of [
      [2, 4, 7, 9],
      [4, 5, 5],
      [1, 4, 33, 2],
    ]) {
      const x = Tensor.randn(shape, { seed: 1 });
      expect(bits(session.runSync(x))).toEqual(bits(noGrad(() => net.forward(x))));
    }
  });
});

it('leaves the module as it was: its mode, its forward, its cached filters', async () => {
  const net = network();
  net.train();
  const x = images(1);
  const before = noGrad(() => net.eval().forward(x));
  net.train();
  await compile(net, { inputShape: x.shape });
  expect(net.training).toBe(true);
  expect((net.block as Residual).training).toBe(true);
  expect(Object.hasOwn(net, 'forward')).toBe(false);
  expect(bits(noGrad(() => net.eval().forward(x)))).toEqual(bits(before));
});

it('keeps the weights of its making until it is told to take them anew', async () => {
  const layer = new nn.Conv2d(2, 3, 3);
  const x = Tensor.randn([1, 2, 6, 6], { seed: 2 });
  const session = await compile(layer, { inputShape: x.shape });
  const old = noGrad(() => layer.forward(x));
  layer.weight.data.fill(0.5);
  layer.weight.markChanged();
  expect(bits(session.runSync(x))).toEqual(bits(old));
  expect(() => session.runSync(Tensor.zeros([1, 2, 7, 7]))).toThrow(/session\.refresh\(\)/);
  session.refresh();
  expect(bits(session.runSync(x))).toEqual(bits(noGrad(() => layer.forward(x))));
  expect(session.runSync(Tensor.zeros([1, 2, 7, 7])).shape).toEqual([1, 3, 5, 5]);
});

it('needs less memory than all results together', async () => {
  const net = new nn.Sequential(...Array.from({ length: 8 }, () => new Residual(8)));
  const session = await compile(net, { inputShape: [1, 8, 32, 32] });
  const { arenaBytes, unplannedBytes, steps } = session.summary();
  expect(arenaBytes).toBeLessThan(unplannedBytes / 4);
  expect(steps.map(({ operation }) => operation)).toContain('conv 3x3 + relu');
  expect(String(session.summary())).toContain(`${steps.length} steps`);
});

it('profiles every step', async () => {
  const net = network();
  const session = await compile(net, { inputShape: [1, 3, 16, 16] });
  const profile = session.profile(images(1), { rounds: 3 });
  expect(profile.steps.length).toBe(session.summary().steps.length);
  expect(profile.steps.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
  expect(String(profile)).toContain('medians of 3 rounds');
  expect(() => session.profile(images(1), { rounds: 0 })).toThrow(RangeError);
});

it('refuses a network of more steps than a program has', async () => {
  class Long extends nn.Module {
    override forward(x: Tensor): Tensor {
      let y = x;
      for (let step = 0; step < 65537; step++) y = ops.tanh(y);
      return y;
    }
  }
  await expect(compile(new Long(), { inputShape: [1, 2] })).rejects.toThrow(
    'compile: a session has at most 65536 steps, and this network has 65537; call its forward instead, or compile its parts',
  );
});

describe('batch normalisation', () => {
  class Normalised extends nn.Module {
    conv = new nn.Conv2d(6, 8, 3, { padding: 1, groups: 2 });
    norm = new nn.BatchNorm2d(8, { activation: 'relu' });
    up = new nn.ConvTranspose2d(8, 4, 2, { stride: 2, groups: 2, bias: false });
    after = new nn.BatchNorm2d(4);
    alone = new nn.BatchNorm2d(4);

    override forward(x: Tensor): Tensor {
      const y = this.up.forward(this.norm.forward(this.conv.forward(x)));
      return this.alone.forward(ops.relu(this.after.forward(y)), { residual: y });
    }
  }
  const trained = (): Normalised => {
    const net = new Normalised();
    for (let seed = 0; seed < 3; seed++) net.forward(Tensor.randn([4, 6, 9, 7], { seed }));
    net.eval();
    return net;
  };

  it('is folded into convolutions of either direction, near the eager bits and with fewer steps', async () => {
    const net = trained();
    const x = Tensor.randn([2, 6, 9, 7], { seed: 9 });
    const wanted = noGrad(() => net.forward(x)).data;
    const exact = await compile(net, { inputShape: x.shape, foldBatchNorm: false });
    const folded = await compile(net, { inputShape: x.shape });
    expect(exact.runSync(x).data).toEqual(wanted);
    const operations = folded.summary().steps.map(({ operation }) => operation);
    expect(operations).toContain('grouped 3x3 + relu');
    expect(operations.filter((operation) => operation === 'affine').length).toBe(2);
    expect(exact.summary().steps.length).toBe(operations.length + 1);
    folded.runSync(x).data.forEach((value, i) => {
      expect(Math.abs(value - wanted[i])).toBeLessThan(1e-5);
    });
  });

  it('folded gives the same bits on every backend', async () => {
    const net = trained();
    const x = Tensor.randn([2, 6, 9, 7], { seed: 9 });
    const results: Uint32Array[] = [];
    for (const { use } of backends()) {
      use();
      const session = await compile(net, { inputShape: x.shape });
      results.push(bits(session.runSync(x)), bits(await session.run(x)));
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });
});
