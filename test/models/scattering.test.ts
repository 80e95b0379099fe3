import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { use } from '../../lib/backend/index.js';
import { nativeEngine } from '../../lib/backend/native.js';
import { imageTensor } from '../../lib/extract/preprocess.js';
import { loadNpy } from '../../lib/io/npy.js';
import { Scattering } from '../../lib/models/scattering.js';
import { gaussianBank, morletBank } from '../../lib/models/wavelets.js';
import { concat } from '../../lib/ops/index.js';
import { Tensor } from '../../lib/tensor/tensor.js';

const small = { inputSize: 32, scales: 3, orientations: 4, grid: 4, secondGrid: 2 };
const sha256 = (x: Tensor): string =>
  createHash('sha256')
    .update(new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength))
    .digest('hex');

describe('the filter banks', () => {
  test('wavelets have zero sum and unit energy, and are the turned versions of one another', () => {
    const bank = morletBank(8);
    for (let filter = 0; filter < 16; filter++) {
      const taps = bank.subarray(filter * 49, (filter + 1) * 49);
      expect(Math.abs(taps.reduce((a, b) => a + b, 0))).toBeLessThan(1e-6);
    }
    for (let l = 0; l < 8; l++) {
      const energy = bank.subarray(l * 98, (l + 1) * 98).reduce((sum, tap) => sum + tap * tap, 0);
      expect(energy).toBeCloseTo(1, 6);
    }
    // A quarter turn maps (x, y) to (-y, x): four of eight steps.
    for (let y = 0; y < 7; y++) {
      for (let x = 0; x < 7; x++) expect(bank[4 * 98 + x * 7 + (6 - y)]).toBeCloseTo(bank[y * 7 + x], 6);
    }
  });
  test('the Gaussian sums to one and is symmetric', () => {
    const taps = gaussianBank();
    expect(taps.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    for (let i = 0; i < 36; i++) expect(taps[i]).toBe(taps[35 - i]);
  });
  test('their bits are pinned', () => {
    const { wavelets, halve } = new Scattering();
    expect(sha256(wavelets.weight)).toBe('04477c87158a6007cfd84a98a026f5a9971b121dfa335dadb9195940d26b8e8c');
    expect(sha256(halve.weight)).toBe('398423f0af3370b58eb2815852d4a79171c2184c8f42fc8e065143f733f25e0a');
  });
});

/** The transform by its formulas, in float64, one pixel at a time. */
function byDefinition(
  image: Float32Array,
  { inputSize, scales, orientations, grid, secondGrid }: typeof small,
): number[] {
  type Map = { size: number; at: (y: number, x: number) => number };
  const mirror = (i: number, size: number): number => (i < 0 ? -i : i >= size ? 2 * size - 2 - i : i);
  const map = (size: number, value: (y: number, x: number) => number): Map => {
    const data = Array.from({ length: size * size }, (_, i) => value(Math.floor(i / size), i % size));
    return { size, at: (y, x) => data[mirror(y, size) * size + mirror(x, size)] };
  };
  const bank = morletBank(orientations);
  const blur = gaussianBank();
  const wave = (u: Map, l: number): Map =>
    map(u.size, (y, x) => {
      let re = 0;
      let im = 0;
      for (let i = 0; i < 49; i++) {
        const value = u.at(y + Math.floor(i / 7) - 3, x + (i % 7) - 3);
        re += value * bank[l * 98 + i];
        im += value * bank[l * 98 + 49 + i];
      }
      return Math.hypot(re, im);
    });
  const halved = (u: Map): Map =>
    map(u.size / 2, (y, x) => {
      let sum = 0;
      for (let i = 0; i < 36; i++) sum += blur[i] * u.at(2 * y + Math.floor(i / 6) - 2, 2 * x + (i % 6) - 2);
      return sum;
    });
  const means = (u: Map, windows: number): number[] => {
    const side = u.size / windows;
    return Array.from({ length: windows * windows }, (_, w) => {
      let sum = 0;
      for (let i = 0; i < side * side; i++) {
        sum += u.at(Math.floor(w / windows) * side + Math.floor(i / side), (w % windows) * side + (i % side));
      }
      return sum / (side * side);
    });
  };
  const first: number[] = [];
  const second: number[] = [];
  let x = map(inputSize, (row, column) => image[row * inputSize + column]);
  for (let j = 0; j < scales; j++) {
    let us = Array.from({ length: orientations }, (_, l) => wave(x, l));
    first.push(...us.flatMap((u) => means(u, grid)));
    for (let k = j + 1; k < scales; k++) {
      us = us.map(halved);
      second.push(
        ...us.flatMap((u) =>
          Array.from({ length: orientations }, (_, m) => means(wave(u, m), secondGrid)).flat(),
        ),
      );
    }
    x = halved(x);
  }
  return [...means(x, grid), ...first, ...second];
}

const backends = ['reference', ...(nativeEngine().binding === null ? [] : ['native'])] as (
  | 'reference'
  | 'native'
)[];

describe.each(backends)('Scattering on the %s backend', (name) => {
  test('computes its definition, in the documented order', () => {
    use(name);
    const model = new Scattering(small);
    const x = Tensor.rand([2, 1, 32, 32], { seed: 5 });
    const y = model.forward(x);
    expect(y.shape).toEqual([2, model.featureLength]);
    expect(model.featureLength).toBe(16 * (1 + 3 * 4) + 4 * 16 * 3);
    for (let n = 0; n < 2; n++) {
      const want = byDefinition(x.data.slice(n * 1024, (n + 1) * 1024), small);
      const got = y.data.subarray(n * model.featureLength, (n + 1) * model.featureLength);
      expect(want.length).toBe(got.length);
      for (const [i, value] of want.entries()) expect(Math.abs(got[i] - value)).toBeLessThan(2e-6);
    }
  });

  test('gives pinned bits, in the background and in any batch too', async () => {
    use(name);
    const model = new Scattering(small);
    const x = Tensor.rand([3, 1, 32, 32], { seed: 9 });
    const y = model.forward(x);
    expect(sha256(y)).toBe('0eca178d8bd025a12544c2956ec9c07145c334d4f3716c6cfc9cd1d45dc0e9a0');
    expect((await model.forwardAsync(x)).data).toEqual(y.data);
    expect((await model.forwardAsync(x.channelsLast())).data).toEqual(y.data);
    const singles = [0, 1, 2].map((i) =>
      model.forward(new Tensor(x.data.slice(i * 1024, (i + 1) * 1024), [1, 1, 32, 32])),
    );
    expect(concat(singles).data).toEqual(y.data);
  });

  test('forwardAsync reads its input as it was at the call', async () => {
    use(name);
    const model = new Scattering(small);
    const fresh = (): Tensor => Tensor.rand([1, 1, 32, 32], { seed: 3 });
    const want = model.forward(fresh()).data;
    const spoilers = [
      (x: Tensor) => x.data.fill(9),
      (x: Tensor) => structuredClone(x.data, { transfer: [x.data.buffer as ArrayBuffer] }),
    ];
    for (const spoil of spoilers) {
      const x = fresh();
      const promise = model.forwardAsync(x);
      spoil(x);
      expect((await promise).data).toEqual(want);
    }
  });

  test('takes an empty batch', () => {
    use(name);
    const model = new Scattering(small);
    expect(model.forward(Tensor.zeros([0, 1, 32, 32])).shape).toEqual([0, model.featureLength]);
  });

  test('flat images have the mean alone', () => {
    use(name);
    const y = new Scattering(small).forward(Tensor.full([1, 1, 32, 32], 0.5)).data;
    for (const [i, value] of y.entries()) expect(Math.abs(value - (i < 16 ? 0.5 : 0))).toBeLessThan(1e-6);
  });

  test('stops at an abort', async () => {
    use(name);
    const model = new Scattering(small);
    const reason = new Error('enough');
    const promise = model.forwardAsync(Tensor.zeros([8, 1, 32, 32]), { signal: AbortSignal.abort(reason) });
    await expect(promise).rejects.toBe(reason);
  });
});

describe('Scattering', () => {
  test('refuses options and inputs that cannot be', async () => {
    const of = (options: object) => () => new Scattering(options);
    expect(of({ scale: 3 })).toThrow(/unknown option 'scale'/);
    expect(of({ inputSize: 100 })).toThrow(/cannot be halved 5 times/);
    expect(of({ scales: 0 })).toThrow(RangeError);
    expect(of({ scales: 40 })).toThrow(RangeError);
    expect(of({ grid: 8 })).toThrow(/exceed/);
    expect(of({ orientations: 65 })).toThrow(/at most 64/);
    const model = new Scattering(small);
    expect(() => model.forward(Tensor.zeros([1, 3, 32, 32]))).toThrow(/x must be \[N, 1, 32, 32\]/);
    await expect(model.forwardAsync(Tensor.zeros([1, 32, 32]))).rejects.toThrow(RangeError);
  });
});

const digits = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const absent = await access(`${digits}mnist-test-images.npy`).then(
  () => false,
  () => true,
);
const reason = absent ? ` (skipped: no MNIST in ${digits})` : '';

test.skipIf(absent)(
  `nearest neighbours of MNIST digits beat those of raw pixels${reason}`,
  { timeout: 240_000 },
  async () => {
    // 150 digits are classified by 600 others; scripts/scattering-mnist.mjs runs all 7,000.
    const images = await loadNpy(`${digits}mnist-train-images.npy`);
    const { data: labels } = await loadNpy(`${digits}mnist-train-labels.npy`);
    use(backends[backends.length - 1]);
    const model = new Scattering({ inputSize: 64, scales: 4 });
    const count = 750;
    const rows: { pixels: Float32Array; features: Float32Array; label: number }[] = [];
    for (let i = 0; i < count; i++) {
      const pixels = images.data.slice(i * 784, (i + 1) * 784);
      const data = Uint8Array.from(pixels);
      const features = model.forward(imageTensor({ data, width: 28, height: 28, channels: 1 }, 64)).data;
      rows.push({ pixels, features, label: labels[i] });
    }
    const wrong = (kind: 'pixels' | 'features'): number =>
      rows.slice(600).filter((row) => {
        const distances = rows.slice(0, 600).map((other) => {
          let sum = 0;
          for (let k = 0; k < row[kind].length; k++) sum += (row[kind][k] - other[kind][k]) ** 2;
          return sum;
        });
        return rows[distances.indexOf(Math.min(...distances))].label !== row.label;
      }).length;
    const [raw, scattered] = [wrong('pixels'), wrong('features')];
    console.info(`MNIST, 150 digits by 600 others: ${raw} wrong on pixels, ${scattered} on features`);
    expect(scattered).toBeLessThan(raw * 0.8);
  },
);
