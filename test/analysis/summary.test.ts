// Summaries against counts by hand and against published counts; and that nothing is computed or left behind.
import { describe, expect, it } from 'vitest';
import { analysis, models, nn, ops, Tensor } from '../../lib/index.js';

const small = () =>
  new nn.Sequential({
    conv: new nn.Conv2d(3, 8, 3, { padding: 1, stride: 2 }),
    act: new nn.ReLU(),
    block: new nn.Sequential(new nn.Conv2d(8, 4, 1, { bias: false }), new nn.MaxPool2d(2)),
    flat: new nn.Flatten(),
    head: new nn.Linear(4 * 4 * 4, 10),
  });

describe('summary', () => {
  it('gives every call with its shapes, kernel, parameters and costs', () => {
    const table = analysis.summary(small(), { inputShape: [2, 3, 16, 16] });
    const conv = 2 * 8 * 8 * 8 * 27;
    const point = 2 * 8 * 8 * 4 * 8;
    const head = 2 * 64 * 10;
    expect(
      table.rows.map((row) => [
        row.depth,
        row.path,
        row.type,
        row.outputShape,
        row.kernelSize,
        row.params,
        row.macs,
      ]),
    ).toEqual([
      [0, '', 'Sequential', [2, 10], null, 224 + 32 + 650, conv + point + head],
      [1, 'conv', 'Conv2d', [2, 8, 8, 8], [3, 3], 224, conv],
      [1, 'act', 'ReLU', [2, 8, 8, 8], null, 0, 0],
      [1, 'block', 'Sequential', [2, 4, 4, 4], null, 32, point],
      [2, 'block.0', 'Conv2d', [2, 4, 8, 8], [1, 1], 32, point],
      [2, 'block.1', 'MaxPool2d', [2, 4, 4, 4], [2, 2], 0, 0],
      [1, 'flat', 'Flatten', [2, 64], null, 0, 0],
      [1, 'head', 'Linear', [2, 10], null, 650, head],
    ]);
    expect(table.rows.map(({ receptiveField }) => receptiveField?.size)).toEqual(
      [17, 3, 3, 5, 3, 5, 17, 17].map((size) => [size, size]),
    );
    expect(table.rows.every((row) => row.flops === 2 * row.macs)).toBe(true);
    expect(table.totals).toEqual({
      params: 906,
      trainableParams: 906,
      macs: conv + point + head,
      flops: 2 * (conv + point + head),
      multiplications: conv + point + head,
      inputBytes: 4 * 2 * 3 * 256,
      forwardBytes: 4 * 2 * (512 + 512 + 256 + 64 + 64 + 10),
      paramsBytes: 4 * 906,
    });
  });

  it("counts fewer multiplications where Winograd's tiles serve, and says so", () => {
    const net = new nn.Sequential(
      new nn.Conv2d(32, 48, 3, { padding: 1 }),
      new nn.ReLU(),
      new nn.Conv2d(48, 32, 3, { padding: 1, algorithm: 'direct' }),
    );
    const table = analysis.summary(net, { inputShape: [2, 32, 30, 29] });
    const macs = 9 * 32 * 48 * 30 * 29 * 2;
    const tiles = 36 * 32 * 48 * 8 * 8 * 2; // of 4x4 outputs, those at the edges whole
    expect(table.rows.map(({ algorithm }) => algorithm)).toEqual([null, 'winograd4', null, 'direct']);
    expect(table.rows.map(({ multiplications }) => multiplications)).toEqual([tiles + macs, tiles, 0, macs]);
    expect(table.totals.macs).toBe(2 * macs);
    expect(String(table)).toMatch(/MACs: +48,107,520 .*\nFLOPs.*\nMultiplications: +31,131,648 \(fewer/);
  });

  it('prints the columns people know', () => {
    expect(`\n${analysis.summary(small(), { inputShape: [2, 3, 16, 16] })}\n`).toBe(`
Layer (name)           Kernel  Input           Output        Param #    MACs   FLOPs  Field
===========================================================================================
Sequential             --      [2, 3, 16, 16]  [2, 10]            --      --      --     17
├─ Conv2d (conv)       3x3     [2, 3, 16, 16]  [2, 8, 8, 8]      224  27,648  55,296      3
├─ ReLU (act)          --      [2, 8, 8, 8]    [2, 8, 8, 8]       --      --      --      3
├─ Sequential (block)  --      [2, 8, 8, 8]    [2, 4, 4, 4]       --      --      --      5
│  ├─ Conv2d (0)       1x1     [2, 8, 8, 8]    [2, 4, 8, 8]       32   4,096   8,192      3
│  └─ MaxPool2d (1)    2x2     [2, 4, 8, 8]    [2, 4, 4, 4]       --      --      --      5
├─ Flatten (flat)      --      [2, 4, 4, 4]    [2, 64]            --      --      --     17
└─ Linear (head)       --      [2, 64]         [2, 10]           650   1,280   2,560     17
===========================================================================================
Total params:     906
Trainable params: 906
MACs:             33,024 (biases not counted)
FLOPs:            66,048 (2 x MACs)
Input size:       6.1 kB
Forward size:     11.3 kB
Params size:      3.6 kB
`);
  });

  it('counts a module that runs twice once in parameters and twice in work', () => {
    const shared = new nn.Conv2d(2, 2, 3, { padding: 1 });
    class Twice extends nn.Module {
      readonly conv = shared;
      readonly again = shared;
      override forward(x: Tensor): Tensor {
        return ops.add(this.conv.forward(x), this.again.forward(ops.relu(x)));
      }
    }
    const table = analysis.summary(new Twice(), { inputShape: [1, 2, 4, 4] });
    expect(table.totals.params).toBe(38);
    expect(table.totals.macs).toBe(2 * 16 * 2 * 18);
    expect(table.rows.map(({ recursive }) => recursive)).toEqual([false, false, true]);
    expect(String(table)).toContain('(recursive)');
  });

  it('computes nothing: weights stay unread, values read as zero, a huge batch costs nothing', () => {
    const net = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.Sigmoid());
    net.parameters()[0].data.fill(Number.NaN);
    const inside: number[] = [];
    class Spy extends nn.Module {
      override forward(x: Tensor): Tensor {
        inside.push(...new Set(x.data));
        return x;
      }
    }
    analysis.summary(new nn.Sequential(net, new Spy()), { inputShape: [1, 1, 5, 5] });
    expect(inside).toEqual([0]);
    const before = process.memoryUsage().rss;
    const start = performance.now();
    analysis.summary(new nn.Conv2d(3, 64, 3), { inputShape: [256, 3, 224, 224] });
    expect(performance.now() - start).toBeLessThan(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(1e9);
  });

  it('leaves the network as it was: forward, training, weights', () => {
    const net = small();
    net.train();
    const x = Tensor.randn([1, 3, 16, 16], { seed: 1 });
    const before = net.forward(x).data.slice();
    const keys = net.namedModules().map(([, module]) => Object.keys(module).join());
    analysis.summary(net, { inputShape: [1, 3, 16, 16] });
    expect(() => analysis.summary(net, { inputShape: [1, 4, 16, 16] })).toThrow();
    expect(net.namedModules().map(([, module]) => Object.keys(module).join())).toEqual(keys);
    expect(
      net.namedModules().every(([, module]) => module.training && !Object.hasOwn(module, 'forward')),
    ).toBe(true);
    expect(net.forward(x).data).toEqual(before);
  });

  it('lets modules that wait for their input channels learn them', () => {
    const lazy = new nn.Sequential(new nn.Conv2d(null, 4, 3), new nn.DepthwiseSeparableConv2d(null, 6, 3));
    const table = analysis.summary(lazy, { inputShape: [1, 3, 9, 9] });
    expect(table.totals.params).toBe(112 + 40 + 30);
    expect(table.rows.map(({ path }) => path)).toEqual(['', '0', '1', '1.depthwise', '1.pointwise']);
  });

  it('says in which layer a shape does not fit, and what is missing', () => {
    expect(() => analysis.summary(small(), { inputShape: [1, 3, 64, 64] })).toThrow(
      'Sequential[head] (Linear): linear: mat1 and mat2 shapes cannot be multiplied (1x1024 and 64x10)',
    );
    const of =
      (...args: unknown[]) =>
      () =>
        Reflect.apply(analysis.summary, null, args);
    expect(of(small())).toThrow(
      'summary: inputShape is missing; give one such as { inputShape: [1, 3, 224, 224] }',
    );
    expect(of(small(), { inputShape: [1, 3, 0, 16] })).toThrow('the sizes of inputShape must be positive');
    expect(of(small(), { inputshape: [1] })).toThrow("did you mean 'inputShape'?");
    expect(of({}, { inputShape: [1] })).toThrow('summary: expected a Module, not an object');
  });

  it('stays within 120 columns for deep networks with long names and large numbers', () => {
    const deep = new nn.Sequential({
      a_very_long_name_for_a_block: new nn.Sequential({
        another_long_name_inside_it: new nn.Conv3d(64, 128, 3, { padding: 1 }),
      }),
    });
    const lines = String(analysis.summary(deep, { inputShape: [2, 64, 16, 112, 112] })).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(lines.some((line) => line.includes('…'))).toBe(true);
  });

  it('runs shapes through every operation, and says where fields cannot be followed', () => {
    class Columns extends nn.Module {
      readonly conv = new nn.Conv2d(1, 2, 3);
      override forward(x: Tensor): Tensor {
        const y = ops.avgPool2d(ops.pad(this.conv.forward(x), { padding: [1, 1, 1, 1] }), { kernelSize: 2 });
        const columns = ops.unfold(ops.mul(y, y), { kernelSize: 2 });
        const [, , height, width] = y.shape;
        return ops.correlate2d(
          ops.fold(columns, { kernelSize: 2, outputSize: [height, width] }),
          Tensor.ones([2, 2]),
        );
      }
    }
    const table = analysis.summary(new Columns(), { inputShape: [1, 1, 8, 8] });
    expect(table.rows.map(({ outputShape }) => outputShape)).toEqual([
      [1, 2, 5, 5],
      [1, 2, 6, 6],
    ]);
    expect(table.rows.map(({ receptiveField }) => receptiveField?.size)).toEqual([undefined, [3, 3]]);
    expect(table.notes).toEqual(['unfold: what its outputs see is not followed']);
    expect(table.totals.macs).toBe(36 * 2 * 9 + 2 * 25 * 4);
  });

  it('shows the built-in model', () => {
    const table = analysis.summary(new models.Scattering(), { inputShape: [1, 1, 128, 128] });
    expect(table.rows[0].outputShape).toEqual([1, 3216]);
    expect(table.totals.params).toBe(784 + 36 + 288);
  });
});

// Parameters and multiply-accumulates at 224 x 224, as counted of torchvision's models.
describe('published counts', () => {
  /** `dense`: the widths of the fully connected layers at the end, counted by description: they have too many weights for a test. */
  const holdTo = (params: number, macs: number, net: nn.Module, dense: readonly number[] = []) => {
    const { totals, rows } = analysis.summary(net, { inputShape: [1, 3, 224, 224] });
    const layers = dense.slice(1).map((outFeatures, i) => ({ inFeatures: dense[i], outFeatures }));
    expect(rows[0].outputShape).toEqual([1, dense[0] ?? 1000]);
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    expect({
      params: totals.params + sum(layers.map(analysis.parameterCount)),
      macs: totals.macs + sum(layers.map((layer) => analysis.macs(layer))),
    }).toEqual({ params, macs });
  };

  it('AlexNet', () => {
    const net = new nn.Sequential(
      new nn.Conv2d(3, 64, 11, { stride: 4, padding: 2, activation: 'relu' }),
      new nn.MaxPool2d(3, { stride: 2 }),
      new nn.Conv2d(64, 192, 5, { padding: 2, activation: 'relu' }),
      new nn.MaxPool2d(3, { stride: 2 }),
      new nn.Conv2d(192, 384, 3, { padding: 1, activation: 'relu' }),
      new nn.Conv2d(384, 256, 3, { padding: 1, activation: 'relu' }),
      new nn.Conv2d(256, 256, 3, { padding: 1, activation: 'relu' }),
      new nn.MaxPool2d(3, { stride: 2 }),
      new nn.AdaptiveAvgPool2d(6),
      new nn.Flatten(),
    );
    holdTo(61_100_840, 714_188_480, net, [9216, 4096, 4096, 1000]);
  });

  it('VGG-16', () => {
    const plan = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0];
    const layers = plan.map((width, i) =>
      width === 0
        ? new nn.MaxPool2d(2)
        : new nn.Conv2d(plan[i - 1] || plan[i - 2] || 3, width, 3, { padding: 1, activation: 'relu' }),
    );
    const net = new nn.Sequential(...layers, new nn.AdaptiveAvgPool2d(7), new nn.Flatten());
    holdTo(138_357_544, 15_470_264_320, net, [25_088, 4096, 4096, 1000]);
  });

  it('SqueezeNet 1.1, whose fire modules branch', () => {
    class Fire extends nn.Module {
      readonly squeeze: nn.Conv2d;
      readonly expand1x1: nn.Conv2d;
      readonly expand3x3: nn.Conv2d;
      constructor(inputs: number, squeeze: number, expand: number) {
        super();
        this.squeeze = new nn.Conv2d(inputs, squeeze, 1, { activation: 'relu' });
        this.expand1x1 = new nn.Conv2d(squeeze, expand, 1, { activation: 'relu' });
        this.expand3x3 = new nn.Conv2d(squeeze, expand, 3, { padding: 1, activation: 'relu' });
      }
      override forward(x: Tensor): Tensor {
        const y = this.squeeze.forward(x);
        return ops.concat([this.expand1x1.forward(y), this.expand3x3.forward(y)], { dim: 1 });
      }
    }
    const pool = () => new nn.MaxPool2d(3, { stride: 2, ceilMode: true });
    const net = new nn.Sequential(
      new nn.Conv2d(3, 64, 3, { stride: 2, activation: 'relu' }),
      pool(),
      new Fire(64, 16, 64),
      new Fire(128, 16, 64),
      pool(),
      new Fire(128, 32, 128),
      new Fire(256, 32, 128),
      pool(),
      new Fire(256, 48, 192),
      new Fire(384, 48, 192),
      new Fire(384, 64, 256),
      new Fire(512, 64, 256),
      new nn.Conv2d(512, 1000, 1, { activation: 'relu' }),
      new nn.AdaptiveAvgPool2d(1),
      new nn.Flatten(),
    );
    holdTo(1_235_496, 349_151_936, net);
  });
});
