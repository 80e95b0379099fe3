// What the contract promises of normalisation beyond equal bits: accuracy, refusals, memory that may be shared.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Binding, NormGeometry } from '../../binding.js';
import { reference } from '../../lib/backend/reference/index.js';
import { implementations } from '../support/bindings.js';
import { difference } from '../support/conformance.js';
import { drawFloats, Random } from '../support/random.js';

const batchNorm = (positions: number, channels: number): NormGeometry => ({
  batch: 1,
  positions,
  channels,
  groups: channels,
  epsilon: 1e-5,
  activation: 'none',
  statistics: 'own',
});
const none = { kind: 'none', negativeSlope: 0 } as const;

describe.each(implementations)('$name', ({ get }) => {
  let binding: Binding;
  beforeAll(() => {
    binding = get();
  });

  it('finds the variance of numbers far from zero', () => {
    const [positions, channels] = [1000, 3];
    const offsets = [0, 1000, -30000];
    const noise = drawFloats(new Random(5), positions * channels, 'dense');
    const x = noise.map((v, i) => v * 0.5 + offsets[i % channels]);
    const mean = new Float32Array(channels);
    const variance = new Float32Array(channels);
    binding.normalize(
      batchNorm(positions, channels),
      x,
      null,
      null,
      null,
      new Float32Array(x.length),
      mean,
      variance,
    );
    for (let c = 0; c < channels; c++) {
      const own = Float64Array.from(x).filter((_, i) => i % channels === c);
      const middle = own.reduce((sum, v) => sum + v, 0) / positions;
      const spread = own.reduce((sum, v) => sum + (v - middle) ** 2, 0) / positions;
      expect(Math.abs(mean[c] - middle)).toBeLessThanOrEqual(2 ** -24 * Math.abs(middle) + 1e-9);
      expect(Math.abs(variance[c] - spread) / spread).toBeLessThan(2e-6);
    }
  });

  it('gives a constant channel its own mean, no variance, and no gradient but its share', () => {
    const x = new Float32Array(700).fill(0.1);
    const [y, mean, variance] = [new Float32Array(700), new Float32Array(1), new Float32Array(1)];
    binding.normalize(batchNorm(700, 1), x, null, Float32Array.of(3), null, y, mean, variance);
    expect(mean[0]).toBe(Math.fround(0.1));
    expect(variance[0]).toBeLessThan(1e-15);
    expect(y.every((v) => Math.abs(v - 3) < 1e-4)).toBe(true);
  });

  it('lets affine write where it reads, and normalize run without telling its statistics', () => {
    const x = Float32Array.of(1, 2, 3, 4);
    binding.affine(none, x, Float32Array.of(2, -1), Float32Array.of(0.5, 0), x, x);
    expect([...x]).toEqual([3.5, 0, 9.5, 0]);
    const y = new Float32Array(4);
    binding.normalize(batchNorm(2, 2), Float32Array.of(0, 5, 2, 5), null, null, null, y, null, null);
    expect(y[0]).toBeCloseTo(-1, 4);
    expect(Math.abs(y[1])).toBeLessThan(2 ** -24 * 5 * 317);
  });

  it('never gives -0', () => {
    const y = new Float32Array(2).fill(Number.NaN);
    binding.affine(none, Float32Array.of(-0, -1e-40), Float32Array.of(1e-10), Float32Array.of(-0), null, y);
    expect([...y]).toEqual([0, 0]);
  });

  it('refuses what does not fit together', () => {
    const norm = batchNorm(4, 6);
    const floats = (n: number) => new Float32Array(n);
    const x = floats(24);
    const refused: (() => void)[] = [
      () => binding.normalize({ ...norm, channels: 0 }, x, null, null, null, floats(24), null, null),
      () => binding.normalize({ ...norm, groups: 4 }, x, null, null, null, floats(24), null, null),
      () => binding.normalize({ ...norm, positions: 5 }, x, null, null, null, floats(24), null, null),
      () => binding.normalize({ ...norm, statistics: 'given' }, x, null, null, null, floats(24), null, null),
      () => binding.normalize(norm, x, floats(5), null, null, floats(24), null, null),
      () => binding.normalize(norm, x, null, floats(7), null, floats(24), null, null),
      () => binding.normalize(norm, x, null, null, floats(23), floats(24), null, null),
      () => binding.normalize(norm, x, null, null, null, x, null, null),
      () => binding.normalize(norm, x, null, null, null, floats(24), floats(5), null),
      () => binding.normalize(norm, x, null, null, null, floats(24), x.subarray(0, 6), null),
      () => binding.affine(none, x, floats(0), floats(0), null, floats(24)),
      () => binding.affine(none, x, floats(5), floats(5), null, floats(24)),
      () => binding.affine(none, x, floats(6), floats(5), null, floats(24)),
      () => binding.affine(none, x, floats(6), floats(6), floats(23), floats(24)),
      () => binding.affine(none, x, x.subarray(0, 6), floats(6), null, x),
      () => binding.affine(none, x.subarray(0, 18), floats(6), floats(6), null, x.subarray(6)),
    ];
    const upstream = floats(24);
    const gradient = (...outputs: (Float32Array | null)[]) => {
      const [gradX = null, gradWeight = null, gradBias = null, gradResidual = null] = outputs;
      binding.normalizeGradient(
        norm,
        x,
        null,
        null,
        floats(6),
        floats(6),
        null,
        upstream,
        gradX,
        gradWeight,
        gradBias,
        gradResidual,
      );
    };
    gradient(floats(24), floats(6), floats(6), floats(24));
    gradient(upstream, floats(6), floats(6), floats(24));
    const both = floats(30);
    refused.push(
      () => gradient(floats(23)),
      () => gradient(null, floats(24)),
      () => gradient(null, null, floats(7)),
      () => gradient(null, null, null, floats(6)),
      () => gradient(x),
      () => gradient(null, upstream.subarray(0, 6)),
      () => gradient(null, null, null, upstream),
      () => gradient(upstream, null, null, upstream),
      () => gradient(both.subarray(0, 24), both.subarray(20, 26)),
    );
    for (const call of refused) expect(call, call.toString()).toThrow(RangeError);
    for (const wrong of [null, 3, { ...norm, epsilon: '1' }, { ...norm, groups: '6' }]) {
      expect(() =>
        Reflect.apply(binding.normalize, binding, [wrong, x, null, null, null, floats(24), null, null]),
      ).toThrow(TypeError);
    }
    expect(() =>
      Reflect.apply(binding.normalize, binding, [norm, x, 'w', null, null, floats(24), null, null]),
    ).toThrow(TypeError);
    expect(() =>
      Reflect.apply(binding.normalize, binding, [
        { ...norm, activation: 'silu' },
        x,
        null,
        null,
        null,
        floats(24),
        null,
        null,
      ]),
    ).toThrow(RangeError);
  });
});

describe.each(implementations)('rows normalised each by itself: $name', ({ get }) => {
  it('gives the bits of the reference, whether or not rows fill a vector', () => {
    const binding = get();
    const random = new Random(11);
    const draw = (length: number) => drawFloats(random, length, random.of(['dense', 'sparse', 'wide']));
    const before = binding.threads();
    for (const batch of [1, 2, 7, 8, 9, 15, 16, 17, 33, 130]) {
      for (const channels of [1, 2, 7, 8, 15, 16, 17, 33, 770]) {
        const norm: NormGeometry = {
          batch,
          positions: 1,
          channels,
          groups: 1,
          epsilon: 1e-5,
          activation: random.of(['none', 'relu', 'relu6']),
          statistics: 'own',
        };
        const given = (length: number) => (random.once(2) ? draw(length) : null);
        const x = draw(batch * channels);
        const [weight, bias, residual] = [given(channels), given(channels), given(batch * channels)];
        const solve = (by: Binding): Float32Array => {
          const y = new Float32Array(x.length).fill(Number.NaN);
          const told = [new Float32Array(batch), new Float32Array(batch)] as const;
          by.normalize(norm, x, weight, bias, residual, y, ...told);
          return Float32Array.of(...y, ...told[0], ...told[1]);
        };
        const wanted = solve(reference);
        for (const threads of binding === reference ? [1] : [1, 3]) {
          binding.setThreads(threads);
          expect(difference(solve(binding), wanted), `${batch} x ${channels}, ${threads} threads`).toBeNull();
        }
      }
    }
    binding.setThreads(before);
  });
});
