// Receptive fields: the literature's numbers, and every unit's box against what really changes where one pixel does.
import { describe, expect, it } from 'vitest';
import { analysis, nn, ops, Tensor } from '../../lib/index.js';
import { Random } from '../support/random.js';

const stack = (count: number, options?: nn.Conv2dOptions) =>
  new nn.Sequential(...Array.from({ length: count }, () => new nn.Conv2d(1, 1, 3, options)));

describe('the literature', () => {
  it('two stacked 3x3 layers see 5, three see 7', () => {
    expect(analysis.receptiveField(stack(2), { inputShape: [1, 1, 32, 32] }).size).toEqual([5, 5]);
    expect(analysis.receptiveField(stack(3), { inputShape: [1, 1, 32, 32] }).size).toEqual([7, 7]);
  });

  it("VGG-16's last pooling sees 212 pixels, 32 apart (Araujo et al.)", () => {
    const { features } = vgg16();
    const field = analysis.receptiveField(features, { inputShape: [1, 3, 224, 224] });
    expect(field.size).toEqual([212, 212]);
    expect(field.jump).toEqual([32, 32]);
  });

  it("AlexNet's last pooling sees 195 pixels, 32 apart (Araujo et al.)", () => {
    const alexnet = new nn.Sequential(
      new nn.Conv2d(3, 1, 11, { stride: 4 }),
      new nn.MaxPool2d(3, { stride: 2 }),
      new nn.Conv2d(1, 1, 5, { padding: 2 }),
      new nn.MaxPool2d(3, { stride: 2 }),
      new nn.Conv2d(1, 1, 3, { padding: 1 }),
      new nn.Conv2d(1, 1, 3, { padding: 1 }),
      new nn.Conv2d(1, 1, 3, { padding: 1 }),
      new nn.MaxPool2d(3, { stride: 2 }),
    );
    const field = analysis.receptiveField(alexnet, { inputShape: [1, 3, 227, 227] });
    expect(field.size).toEqual([195, 195]);
    expect(field.jump).toEqual([32, 32]);
  });

  it('doubling dilations double the reach of a WaveNet', () => {
    const layers = [1, 2, 4, 8, 16].map(
      (dilation) => new nn.Conv1d(1, 1, 2, { dilation, padding: 'causal' }),
    );
    const field = analysis.receptiveField(new nn.Sequential(...layers), { inputShape: [1, 1, 100] });
    expect(field.size).toEqual([32]);
    expect(field.unit([50])).toEqual([[19, 51]]);
    expect(field.unit([3])).toEqual([[0, 4]]);
  });
});

function vgg16() {
  const layers: nn.Module[] = [];
  let channels = 3;
  for (const width of [1, 1, 'pool', 1, 1, 'pool', 1, 1, 1, 'pool', 1, 1, 1, 'pool', 1, 1, 1, 'pool']) {
    if (typeof width === 'string') layers.push(new nn.MaxPool2d(2));
    else {
      layers.push(new nn.Conv2d(channels, width, 3, { padding: 1 }), new nn.ReLU());
      channels = width;
    }
  }
  return { features: new nn.Sequential(...layers) };
}

/** Which input positions change a unit of the output, by trying each: all weights are positive, all inputs grow. */
function seen(net: nn.Module, height: number, width: number, unit: readonly number[]) {
  const base = new Float32Array(height * width).fill(1);
  const value = (data: Float32Array) => {
    const y = net.forward(new Tensor(data, [1, 1, height, width]));
    const [, , , w] = y.shape;
    return y.shape.length === 4 ? y.data[unit[0] * w + unit[1]] : y.data[0];
  };
  const before = value(base);
  const rows: number[] = [];
  const columns: number[] = [];
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const data = base.slice();
      data[i * width + j] = 1000;
      if (value(data) === before) continue;
      rows.push(i);
      columns.push(j);
    }
  }
  if (rows.length === 0) return null;
  return [rows, columns].map((at) => [Math.min(...at), Math.max(...at) + 1]);
}

/** Every weight 1: nothing cancels. */
function positive<T extends nn.Module>(net: T): T {
  for (const tensor of net.parameters()) tensor.data.fill(1);
  return net;
}

function holdToTruth(net: nn.Module, height: number, width: number, units: readonly number[][]): void {
  const field = analysis.receptiveField(net, { inputShape: [1, 1, height, width] });
  for (const unit of units) {
    expect(field.unit(unit), `${net} unit ${unit}`).toEqual(seen(net, height, width, unit));
  }
}

describe('the box of every unit', () => {
  it('holds what really reaches it, through random stacks with every padding', () => {
    const random = new Random(21);
    for (let round = 0; round < 40; round++) {
      const layers = Array.from({ length: random.between(1, 3) }, () => {
        const kernel = random.between(1, 3);
        if (random.once(3)) {
          const padding = random.between(0, kernel >> 1);
          return random.once(2)
            ? new nn.MaxPool2d(kernel, { stride: random.between(1, 2), padding, ceilMode: random.once(2) })
            : new nn.AvgPool2d(kernel, { stride: random.between(1, 2), padding });
        }
        if (random.once(4)) {
          const stride = random.between(1, 3);
          const dilation = random.between(1, 2);
          const outputPadding = random.between(0, Math.max(stride, dilation) - 1);
          return new nn.ConvTranspose2d(1, 1, kernel, { stride, dilation, outputPadding, bias: false });
        }
        return new nn.Conv2d(1, 1, [kernel, random.between(1, 3)], {
          stride: random.between(1, 2),
          padding: random.of([0, 1, [[0, 2], 1], 'same'] as const),
          dilation: random.between(1, 2),
          paddingMode: random.of(['zeros', 'reflect', 'replicate', 'circular'] as const),
          bias: false,
        });
      });
      const net = positive(new nn.Sequential(...layers));
      const [height, width] = [17, 14];
      const [, , h, w] = net.forward(Tensor.zeros([1, 1, height, width])).shape;
      const units = [
        [0, 0],
        [h - 1, w - 1],
        [random.between(0, h - 1), random.between(0, w - 1)],
      ];
      holdToTruth(net, height, width, units);
    }
  });

  it('grows to all of the image after adaptive pooling, and after a fully connected layer', () => {
    const pooled = positive(new nn.Sequential(new nn.Conv2d(1, 1, 3), new nn.AdaptiveAvgPool2d(3)));
    holdToTruth(pooled, 13, 10, [
      [0, 0],
      [1, 2],
      [2, 1],
    ]);
    const dense = positive(
      new nn.Sequential(new nn.Conv2d(1, 1, 3, { stride: 2 }), new nn.Flatten(), new nn.Linear(15, 2)),
    );
    holdToTruth(dense, 7, 11, [[0, 0]]);
    const field = analysis.receptiveField(dense, { inputShape: [1, 1, 7, 11] });
    expect(field.size).toEqual([7, 11]);
    expect(field.unit()).toEqual([
      [0, 7],
      [0, 11],
    ]);
  });

  it('is the hull of the paths through branches, with a note where their centres part', () => {
    class Branches extends nn.Module {
      readonly wide = new nn.Conv2d(1, 1, 5, { padding: 2, bias: false });
      readonly shifted: nn.Conv2d;
      constructor(padding: [number, number]) {
        super();
        this.shifted = new nn.Conv2d(1, 1, 3, { padding: [padding, padding], bias: false });
      }
      override forward(x: Tensor): Tensor {
        return ops.concat([x, ops.add(this.wide.forward(x), this.shifted.forward(x))], { dim: 1 });
      }
    }
    const aligned = analysis.receptiveField(new Branches([1, 1]), { inputShape: [1, 1, 12, 12] });
    expect(aligned.size).toEqual([5, 5]);
    expect(aligned.start).toEqual([0.5, 0.5]);
    expect(aligned.notes).toEqual([]);
    const parted = positive(new Branches([2, 0]));
    const field = analysis.receptiveField(parted, { inputShape: [1, 1, 12, 12] });
    expect(field.notes).toEqual(['add: paths whose centres do not align meet']);
    expect(field.size).toEqual([5, 5]);
    expect(field.unit([6, 6])).toEqual([
      [4, 9],
      [4, 9],
    ]);
  });

  it('is joined side by side where maps are', () => {
    class Mirror extends nn.Module {
      readonly conv = new nn.Conv2d(1, 1, 3);
      override forward(x: Tensor): Tensor {
        const y = this.conv.forward(x);
        return ops.concat([y, y], { dim: 3 });
      }
    }
    const field = analysis.receptiveField(new Mirror(), { inputShape: [1, 1, 8, 8] });
    expect(field.outputShape).toEqual([1, 1, 6, 12]);
    expect(field.unit([0, 6])).toEqual([
      [0, 3],
      [0, 3],
    ]);
    expect(field.notes).toHaveLength(1);
  });

  it('passes through padding as an operation, and doubling by transposed convolution', () => {
    class Padded extends nn.Module {
      readonly conv = new nn.Conv2d(1, 1, 3, { bias: false });
      override forward(x: Tensor): Tensor {
        return this.conv.forward(ops.pad(x, { padding: [2, 1, 0, 3], mode: 'reflect' }));
      }
    }
    const field = analysis.receptiveField(new Padded(), { inputShape: [1, 1, 6, 7] });
    expect(field).toMatchObject({ size: [3, 3], start: [1.5, -0.5] });
    holdToTruth(positive(new Padded()), 6, 7, [
      [0, 0],
      [3, 3],
      [6, 7],
    ]);
    const up = new nn.ConvTranspose2d(1, 1, 4, { stride: 2, padding: 1 });
    expect(analysis.receptiveField(up, { inputShape: [1, 1, 8, 8] })).toMatchObject({
      size: [2, 2],
      jump: [0.5, 0.5],
      start: [0.25, 0.25],
      notes: [],
    });
  });

  it('is null where a unit sees padding alone', () => {
    const conv = new nn.Conv2d(1, 1, 1, { padding: 2 });
    const field = analysis.receptiveField(conv, { inputShape: [1, 1, 4, 4] });
    expect(field.unit([0, 3])).toBeNull();
    expect(field.unit([2, 2])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(field.start).toEqual([-1.5, -1.5]);
  });
});

describe('receptiveField', () => {
  const net = new nn.Sequential({ stem: new nn.Conv2d(3, 4, 7, { stride: 2, padding: 3 }), body: stack(0) });

  it('answers for a layer, by path or itself', () => {
    const deep = new nn.Sequential({ a: new nn.Conv2d(1, 1, 3), b: stack(2) });
    const inputShape = [1, 1, 20, 20];
    expect(analysis.receptiveField(deep, { inputShape, layer: 'b.0' }).size).toEqual([5, 5]);
    expect(analysis.receptiveField(deep, { inputShape, layer: 'a' }).size).toEqual([3, 3]);
    const layer = deep.namedChildren()[0][1];
    expect(analysis.receptiveField(deep, { inputShape, layer }).outputShape).toEqual([1, 1, 18, 18]);
  });

  it('guesses a square input where none is given', () => {
    const field = analysis.receptiveField(net);
    expect(field).toMatchObject({
      inputShape: [1, 3, 32, 32],
      size: [7, 7],
      jump: [2, 2],
      start: [0.5, 0.5],
    });
    expect(analysis.receptiveField(new nn.Conv2d(1, 1, 40)).inputShape).toEqual([1, 1, 64, 64]);
  });

  it('takes unbatched input', () => {
    expect(analysis.receptiveField(net, { inputShape: [3, 32, 32] }).size).toEqual([7, 7]);
  });

  it('says what it cannot do', () => {
    const inputShape = [1, 3, 32, 32];
    expect(() => analysis.receptiveField(net, { inputShape, layer: 'stam' })).toThrow(
      "receptiveField: there is no layer 'stam'; did you mean 'stem'?",
    );
    expect(() => analysis.receptiveField(net, { inputShape, layer: new nn.ReLU() })).toThrow(
      'not in the network',
    );
    expect(() => analysis.receptiveField(new nn.Linear(3, 3), { inputShape: [1, 3] })).toThrow(
      'not known to depend on positions',
    );
    expect(() => analysis.receptiveField(new nn.ReLU())).toThrow('give inputShape');
    const field = analysis.receptiveField(net, { inputShape });
    expect(() => field.unit([16, 0])).toThrow('there are 16 units along dimension 0');
    expect(() => field.unit()).toThrow('position must be a list of 2 numbers, not undefined');
    expect(() => Reflect.apply(analysis.receptiveField, null, [{}])).toThrow('expected a Module');
  });
});
