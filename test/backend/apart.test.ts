// Outputs whose positions lie apart, and 1x1 convolutions that scale their input on its way: the bits of the same calls
// on images side by side, on every backend, with any number of threads; what lies between is left alone.
import { afterAll, describe, expect, it } from 'vitest';
import type { Binding, ConvGeometry } from '../../binding.js';
import { active } from '../../lib/backend/index.js';
import { reference } from '../../lib/backend/reference/index.js';
import { contenders } from '../support/backends.js';
import { difference, solve } from '../support/conformance.js';
import { byEveryAlgorithm, type Problem, problemOf } from '../support/problems.js';
import { drawFloats, Random } from '../support/random.js';

type Apart = Problem & { family: 'conv' | 'pool' };

const isApart = (problem: Problem): problem is Apart =>
  problem.family === 'pool' ||
  (problem.family === 'conv' && problem.geometry.outputLayout === 'channelsLast');

const channelsOf = (problem: Apart): number =>
  problem.family === 'pool' ? problem.geometry.channels : problem.geometry.outChannels;

/** Rows of `channels` numbers, `stride` apart; null: NaN between them. */
function spread(rows: Float32Array | null, count: number, channels: number, stride: number): Float32Array {
  const apart = new Float32Array(count === 0 ? 0 : (count - 1) * stride + channels).fill(Number.NaN);
  for (let row = 0; rows !== null && row < count; row++)
    apart.set(rows.subarray(row * channels, (row + 1) * channels), row * stride);
  return apart;
}

function solveApart(binding: Binding, problem: Apart, stride: number): Float32Array {
  const channels = channelsOf(problem);
  const [depth, height, width] = problem.geometry.outputSize;
  const count = problem.batch * depth * height * width;
  const y = spread(null, count, channels, stride);
  if (problem.family === 'pool') {
    const pool = binding.createPool({ ...problem.geometry, outputStride: stride });
    binding.pool(pool, problem.x, y, problem.batch);
    return y;
  }
  const { geometry, weight, bias, x, batch, residual } = problem;
  const conv = binding.createConv({ ...geometry, outputStride: stride });
  const filter = binding.packFilter(binding.createConv(geometry), weight, bias);
  const added = residual === null ? null : spread(residual, count, channels, stride);
  binding.conv(conv, filter, x, y, batch, added);
  return y;
}

const none = { kind: 'none', negativeSlope: 0 } as const;

/** 1x1, and everything that multiplies it. */
function drawProduct(random: Random) {
  const [inChannels, outChannels] = [random.of([1, 3, 16, 33, 130, 700]), random.of([1, 2, 16, 17, 65, 130])];
  const [height, width, batch] = [
    random.of([1, 2, 7, 13]),
    random.of([1, 5, 8, 14]),
    random.of([0, 1, 2, 3]),
  ];
  const activation = random.once(2) ? none : ({ kind: 'silu', negativeSlope: 0 } as const);
  const geometry: ConvGeometry = {
    inChannels,
    outChannels,
    groups: 1,
    inputSize: [1, height, width],
    kernelSize: [1, 1, 1],
    stride: [1, 1, 1],
    dilation: [1, 1, 1],
    padBegin: [0, 0, 0],
    padEnd: [0, 0, 0],
    outputSize: [1, height, width],
    paddingMode: 'zeros',
    activation,
    algorithm: 'direct',
    transposed: false,
    inputLayout: 'channelsLast',
    outputLayout: 'channelsLast',
  };
  const positions = batch * height * width;
  const draw = (length: number) => drawFloats(random, length, 'dense');
  return {
    geometry,
    batch,
    positions,
    x: draw(positions * inChannels),
    weight: draw(inChannels * outChannels),
    bias: draw(outChannels),
    residual: random.once(2) ? draw(positions * outChannels) : null,
    scales: draw(batch * inChannels),
    scale: draw(inChannels),
    shift: draw(inChannels),
    inputActivation: random.of(['none', 'relu', 'relu6'] as const),
    inputStride: inChannels + random.of([0, 0, 1, 16]),
    outputStride: outChannels + random.of([0, 1, 16]),
  };
}

type Product = ReturnType<typeof drawProduct>;

/** The product of what other operations make of x. */
function multiplied(product: Product, x: Float32Array): Float32Array {
  const { geometry, batch, weight, bias, residual, positions } = product;
  const conv = reference.createConv(geometry);
  const y = new Float32Array(positions * geometry.outChannels);
  reference.conv(conv, reference.packFilter(conv, weight, bias), x, y, batch, residual);
  return y;
}

function wantedOf(product: Product): Record<'plain' | 'scaled' | 'normalised', Float32Array> {
  const { geometry, batch, positions, x, scales, scale, shift, inputActivation } = product;
  const { inChannels } = geometry;
  const scaled = new Float32Array(x.length);
  const sizes = [batch, batch === 0 ? 0 : positions / batch, inChannels];
  const steps = { aSteps: [sizes[1] * inChannels, inChannels, 1], bSteps: [inChannels, 0, 1] };
  if (batch > 0) reference.broadcast('mul', { sizes, ...steps }, x, scales, scaled);
  const normalised = new Float32Array(x.length);
  reference.affine({ kind: inputActivation, negativeSlope: 0 }, x, scale, shift, null, normalised);
  return {
    plain: multiplied(product, x),
    scaled: multiplied(product, scaled),
    normalised: multiplied(product, normalised),
  };
}

function productOf(
  binding: Binding,
  product: Product,
  kind: 'plain' | 'scaled' | 'normalised',
): Float32Array {
  const { geometry, batch, positions, x, weight, bias, residual, scales, scale, shift } = product;
  const { inputStride, outputStride } = product;
  const active = kind === 'normalised' ? { inputActivation: product.inputActivation } : {};
  const conv = binding.createConv({ ...geometry, inputStride, outputStride, ...active });
  const filter = binding.packFilter(conv, weight, bias);
  const from = spread(x, positions, geometry.inChannels, inputStride);
  const y = spread(null, positions, geometry.outChannels, outputStride);
  const added = residual && spread(residual, positions, geometry.outChannels, outputStride);
  if (kind === 'plain') binding.conv(conv, filter, from, y, batch, added);
  else if (kind === 'scaled') binding.conv(conv, filter, from, y, batch, added, scales);
  else binding.conv(conv, filter, from, y, batch, added, scale, shift);
  return y;
}

const problems = Array.from({ length: 500 }, (_, i) => problemOf(9000 + i))
  .filter(isApart)
  .flatMap(byEveryAlgorithm)
  .filter(isApart);
const answers = problems.map((problem) => solve(reference, problem));
/** Threads share a large filter of few positions once all input is scaled, also where that lay apart. */
const isShared = ({ geometry: { inChannels, outChannels }, positions, inputStride }: Product): boolean =>
  positions > 1 && positions <= 96 && inChannels * outChannels >= 1 << 16 && inputStride > inChannels;
const drawn = Array.from({ length: 400 }, (_, i) => drawProduct(new Random(i)));
const products = [...drawn.slice(0, 40), ...drawn.filter(isShared).slice(0, 2)];
const wanted = products.map(wantedOf);

describe.each(contenders())('on $name', ({ name, use }) => {
  const threads = name === 'reference' ? [1] : [1, 3];
  afterAll(() => active().setThreads(1));

  it('a convolution or a pooling writes positions apart, and nothing between them', () => {
    use();
    expect(problems.length).toBeGreaterThan(100);
    for (const count of threads) {
      active().setThreads(count);
      problems.forEach((problem, i) => {
        const channels = channelsOf(problem);
        const stride = channels + 1 + (i % 17);
        const y = solveApart(active(), problem, stride);
        const expected = spread(answers[i], answers[i].length / channels, channels, stride);
        expect(difference(y, expected), `seed ${problem.seed}`).toBeNull();
      });
    }
  });

  it('a 1x1 convolution scales and shifts its input as separate operations would', () => {
    use();
    expect(products.filter(isShared).length).toBeGreaterThan(1);
    for (const count of threads) {
      active().setThreads(count);
      products.forEach((product, i) => {
        const { outChannels } = product.geometry;
        for (const kind of ['plain', 'scaled', 'normalised'] as const) {
          const expected = spread(wanted[i][kind], product.positions, outChannels, product.outputStride);
          const y = productOf(active(), product, kind);
          expect(difference(y, expected), `${kind}, seed ${i}`).toBeNull();
        }
      });
    }
  });

  it('refuses strides and scales that cannot be', () => {
    use();
    const binding = active();
    const { geometry, weight, bias } = drawProduct(new Random(3));
    const { inChannels, outChannels } = geometry;
    const wide = { ...geometry, kernelSize: [1, 1, 1] as const, stride: [1, 1, 1] as const };
    for (const wrong of [
      { outputStride: outChannels - 1 },
      { outputStride: outChannels + 0.5 },
      { inputStride: inChannels - 1 },
      { inputStride: inChannels + 1, inputLayout: 'channelsFirst' as const },
      { outputStride: outChannels + 1, outputLayout: 'channelsFirst' as const },
    ])
      expect(() => binding.createConv({ ...wide, ...wrong }), JSON.stringify(wrong)).toThrow();
    const positions = geometry.inputSize[1] * geometry.inputSize[2];
    const [x, y] = [new Float32Array(positions * inChannels), new Float32Array(positions * outChannels)];
    const conv = binding.createConv(geometry);
    const filter = binding.packFilter(conv, weight, bias);
    const scale = new Float32Array(inChannels);
    expect(() => binding.conv(conv, filter, x, y, 1, null, scale.subarray(1))).toThrow();
    expect(() =>
      binding.conv(conv, filter, x, y, 1, null, scale, new Float32Array(1 + inChannels)),
    ).toThrow();
    expect(() => binding.conv(conv, filter, x, y, 1, null, y.subarray(0, inChannels))).toThrow();
    const apart = binding.createConv({ ...geometry, outputStride: outChannels + 1 });
    expect(() => binding.conv(apart, filter, x, y, 1)).toThrow(/y/);
    const padded = {
      ...geometry,
      padEnd: [0, 0, 1] as const,
      outputSize: [1, geometry.outputSize[1], geometry.outputSize[2] + 1] as const,
    };
    const other = binding.createConv(padded);
    const more = new Float32Array(padded.outputSize[1] * padded.outputSize[2] * outChannels);
    expect(() => binding.conv(other, filter, x, more, 1, null, scale)).toThrow(/1x1/);
  });
});
