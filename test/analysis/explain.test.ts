// An explained element equals the layer's own, bit for bit, whatever the layer; and reads well.
import { afterAll, describe, expect, it } from 'vitest';
import { analysis, backend, nn, Tensor } from '../../lib/index.js';
import { Random } from '../support/random.js';

const ACTIVATIONS = [
  'none',
  'relu',
  'relu6',
  'leakyRelu',
  'sigmoid',
  'tanh',
  'silu',
  'gelu',
  'hardswish',
] as const;

/** A layer of any kind, and an input that it takes. */
function drawn(random: Random): [nn.Module, Tensor] {
  const rank = random.between(1, 3);
  const groups = random.between(1, 3);
  const channels = groups * random.between(1, 3);
  const outputs = groups * random.between(1, 3);
  const kernel = Array.from({ length: rank }, () => random.between(1, 3));
  const common = {
    stride: random.between(1, 3),
    dilation: random.between(1, 2),
    groups,
    bias: random.once(2),
    activation: random.of(ACTIVATIONS),
  };
  const sizes = Array.from({ length: rank }, () => random.between(6, 8));
  const x = Tensor.randn([...(random.once(4) ? [] : [random.between(1, 2)]), channels, ...sizes], {
    seed: random.bits(),
  });
  if (random.once(3)) {
    const Transposed = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d][rank - 1];
    return [new Transposed(channels, outputs, kernel, { ...common, padding: 0 }), x];
  }
  const Conv = [nn.Conv1d, nn.Conv2d, nn.Conv3d][rank - 1];
  const padding = random.of([0, 2, 'same', 'same-lower'] as const);
  const paddingMode = random.of(['zeros', 'reflect', 'replicate', 'circular'] as const);
  return [new Conv(channels, outputs, kernel, { ...common, padding, paddingMode }), x];
}

describe('explain', () => {
  afterAll(() => backend.use('native'));

  it.each(['native', 'reference'] as const)("gives the layer's own bits on %s", (name) => {
    backend.use(name);
    const random = new Random(31);
    for (let round = 0; round < 60; round++) {
      const [layer, x] = drawn(random);
      const y = layer.forward(x);
      const position = y.shape.map((size) => random.between(0, size - 1));
      const index = position.reduce((at, place, axis) => at * y.shape[axis] + place, 0);
      const { value } = analysis.explain(layer, x, position);
      expect(Object.is(value, y.data[index]), `${layer} at ${position}: ${value}, ${y.data[index]}`).toBe(
        true,
      );
    }
  });

  it('names the input under each tap, in the order of the sum', () => {
    const conv = new nn.Conv2d(2, 2, 2, { dilation: 2, padding: 1, paddingMode: 'reflect', groups: 2 });
    const x = Tensor.from([
      [...'ab'].map((_, c) => [0, 1, 2].map((i) => [0, 1, 2].map((j) => 100 * c + 10 * i + j))),
    ]);
    const { taps, patch } = analysis.explain(conv, x, [0, 1, 0, 2]);
    expect(patch).toEqual([
      [
        [111, 111],
        [111, 111],
      ],
    ]);
    expect(taps.map(({ channel, input, padded, kernel }) => [channel, input, padded, kernel])).toEqual([
      [1, [1, 1], true, [0, 0]],
      [1, [1, 1], true, [0, 1]],
      [1, [1, 1], false, [1, 0]],
      [1, [1, 1], true, [1, 1]],
    ]);
    const wide = new nn.Conv1d(3, 1, 2);
    const order = analysis.explain(wide, Tensor.zeros([3, 4]), [0, 1]).taps;
    expect(order.map(({ kernel: [k], channel }) => [k, channel])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [1, 0],
      [1, 1],
      [1, 2],
    ]);
  });

  it('prints the step image at its edge', () => {
    const conv = new nn.Conv2d(1, 1, 3, { padding: 1, activation: 'relu' });
    const row = (value: number) => [value, value, value];
    conv.loadStateDict({ weight: Tensor.from([[[row(-1), row(0), row(1)]]]), bias: Tensor.from([0.25]) });
    const step = Tensor.from([[[0, 0, 1, 1, 1].map((value) => new Array<number>(5).fill(value))]]);
    expect(`\n${analysis.explain(conv, step, [0, 0, 1, 4])}\n`).toBe(`
conv2d: element [0, 0, 1, 4] of the output [1, 1, 5, 5], from input rows 0 to 2, columns 3 to 4
channel 0
  input     kernel       products
  0  0  ·   -1  -1  -1   0  0  ·
  0  0  ·    0   0   0   0  0  ·
  1  1  ·    1   1   1   1  1  ·
· no input there: adds nothing
sum of 6 products     2
+ bias             0.25
before relu        2.25
output             2.25
`);
  });

  it('prints planes, padding modes and the first few of many channels', () => {
    const conv = new nn.Conv3d(6, 1, 2, { padding: 1, paddingMode: 'replicate', bias: false });
    const text = String(analysis.explain(conv, Tensor.ones([1, 6, 2, 2, 2]), [0, 0, 0, 0, 0]));
    expect(text).toContain('channel 3, kernel plane 1');
    expect(text).not.toContain('channel 4');
    expect(text).toContain('and 2 more channels');
    expect(text).toContain('(1)');
    expect(text).toContain('(x) in the padding');
    expect(text).toContain('planes 0 to 0, rows 0 to 0, columns 0 to 0');
  });

  it.each(['native', 'reference'] as const)(
    "gives a Winograd layer's own bits on %s, beside the sum of its taps",
    (name) => {
      backend.use(name);
      const random = new Random(5);
      const seen = new Set<string>();
      for (let round = 0; round < 40; round++) {
        const volume = random.once(4);
        const size = [random.between(5, 15), random.between(5, 15)];
        const options = {
          dilation: volume ? 1 : random.between(1, 3),
          padding: random.of(['same', 'valid'] as const),
          paddingMode: random.of(['zeros', 'replicate', 'reflect'] as const),
          bias: random.once(2),
          activation: random.of(ACTIVATIONS),
          algorithm: 'winograd',
        } as const;
        if (options.padding === 'valid' && Math.min(...size) <= 2 * options.dilation) continue;
        const channels = random.of([1, 3, 20, 300]);
        const layer = volume
          ? new nn.Conv3d(channels, 3, [1, 3, 3], options)
          : new nn.Conv2d(channels, 3, 3, options);
        const x = Tensor.randn([2, channels, ...(volume ? [2] : []), ...size], { seed: round });
        const y = layer.forward(x);
        const position = y.shape.map((extent) => random.between(0, extent - 1));
        const index = position.reduce((at, place, axis) => at * y.shape[axis] + place, 0);
        const { value, sum, algorithm, activation } = analysis.explain(layer, x, position);
        seen.add(algorithm);
        expect(Object.is(value, y.data[index]), `${layer} at ${position}: ${value}, ${y.data[index]}`).toBe(
          true,
        );
        if (activation === 'none') expect(value).toBeCloseTo(sum, 4);
      }
      expect([...seen].toSorted()).toEqual(['winograd2', 'winograd4']);
    },
  );

  it('says that a value is of a Winograd tile', () => {
    const conv = new nn.Conv2d(1, 1, 3, { algorithm: 'winograd' });
    expect(String(analysis.explain(conv, Tensor.ones([1, 1, 3, 3]), [0, 0, 0, 0]))).toMatch(
      /\noutput, by Winograd's tiles of 2x2 +-?[\d.]+$/,
    );
  });

  it('says what it cannot explain', () => {
    const conv = new nn.Conv2d(1, 1, 3);
    const x = Tensor.zeros([1, 1, 5, 5]);
    const of =
      (...args: unknown[]) =>
      () =>
        Reflect.apply(analysis.explain, null, args);
    expect(of(new nn.ReLU(), x, [0, 0, 0, 0])).toThrow(
      'explain: expected a layer of one convolution, but this one makes relu',
    );
    expect(of(new nn.Sequential(conv, conv), x, [0, 0, 0, 0])).toThrow('this one makes conv2d, conv2d');
    expect(of(conv, x, [0, 0, 3, 0])).toThrow(
      'explain: the output is [1, 1, 3, 3], so there is no element [0, 0, 3, 0]',
    );
    expect(of(conv, x, [0, 0, 0])).toThrow(
      'position must be a list of 4 numbers for an output of [1, 1, 3, 3]',
    );
    expect(of(conv, x, [0, 0, -1, 0])).toThrow('position must not be negative');
    expect(of(conv, x)).toThrow(TypeError);
    expect(of(conv, [[1]], [0, 0, 0, 0])).toThrow('x must be a Tensor');
  });
});
