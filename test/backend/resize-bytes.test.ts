// Resizing of bytes: the native engine on every instruction set, with any number of threads, against the reference, and both
// against what they must refuse.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Binding, ResizeAxis, ResizeGeometry } from '../../binding.js';
import { reference } from '../../lib/backend/reference/index.js';
import { implementations } from '../support/bindings.js';
import { force, requireNative } from '../support/native.js';
import { Random } from '../support/random.js';

let native: Binding;
beforeAll(() => {
  native = requireNative();
});

/** An axis with windows anywhere, weights of both signs, some of whose sums leave int32. */
function drawAxis(random: Random, size: number, outputs: number): ResizeAxis {
  const taps = random.between(0, Math.min(size, 9));
  const count = Int32Array.from({ length: outputs }, () => random.between(0, taps));
  const start = count.map((n) => random.between(0, size - n));
  const weight = Int32Array.from({ length: outputs * taps }, () =>
    random.once(8) ? random.between(0, 2 ** 31 - 1) : random.between(-(2 ** 20), 2 ** 22),
  );
  return { taps, start, count, weight };
}

function drawGeometry(random: Random): ResizeGeometry {
  // Around the 16 rows that are resized together, the words of 8 bytes, and the runs of 64
  const size = () => random.of([0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65]);
  const [channels, height, width] = [random.of([1, 2, 3, 3, 3, 4, 5]), size(), size()];
  return {
    channels,
    height,
    width,
    rows: drawAxis(random, height, size()),
    columns: drawAxis(random, width, size()),
  };
}

function solve(binding: Binding, geometry: ResizeGeometry, x: Uint8Array): Uint8Array {
  const { rows, columns, channels } = geometry;
  const y = new Uint8Array(rows.start.length * columns.start.length * channels).fill(77);
  binding.resizeBytes(geometry, x, y);
  return y;
}

describe('resizeBytes', () => {
  it('gives the bytes of the reference on every instruction set with one to three threads', () => {
    const random = new Random(5);
    const problems = Array.from({ length: 300 }, () => {
      const geometry = drawGeometry(random);
      const { channels, height, width } = geometry;
      const x = Uint8Array.from({ length: channels * height * width }, () => random.between(0, 255));
      return { geometry, x, y: solve(reference, geometry, x) };
    });
    const before = native.threads();
    for (const isa of native.cpu().supported) {
      force(native, isa);
      for (const threads of [1, 2, 3]) {
        native.setThreads(threads);
        for (const { geometry, x, y } of problems) {
          const got = solve(native, geometry, x);
          if (Buffer.compare(got, y) !== 0)
            expect.fail(`${isa}, ${threads} threads: ${JSON.stringify(geometry)}`);
        }
      }
    }
    native.setThreads(before);
  });

  it.each(implementations)('$name sums, rounds and holds to bytes as written', ({ get }) => {
    const one = 1 << 22;
    const weight = Int32Array.of(one / 2, one / 2, 2 * one, 0, -one, 0, one / 4, 0);
    const columns = { taps: 2, start: Int32Array.of(0, 1, 0, 1), count: Int32Array.of(2, 1, 1, 1), weight };
    const rows = { taps: 1, start: Int32Array.of(0), count: Int32Array.of(1), weight: Int32Array.of(one) };
    const y = new Uint8Array(4);
    get().resizeBytes({ channels: 1, height: 1, width: 2, rows, columns }, Uint8Array.of(3, 200), y);
    expect([...y]).toEqual([102, 255, 0, 50]); // 101.5 up
  });

  it.each(implementations)('$name refuses what does not fit', ({ get }) => {
    const binding = get();
    const axis = { taps: 1, start: Int32Array.of(1), count: Int32Array.of(1), weight: Int32Array.of(1) };
    const geometry = { channels: 3, height: 2, width: 2, rows: axis, columns: axis };
    const x = new Uint8Array(12);
    const y = new Uint8Array(3);
    expect(() => binding.resizeBytes(geometry, x, y)).not.toThrow();
    const wrong: ResizeGeometry[] = [
      { ...geometry, width: 1 },
      { ...geometry, channels: 0 },
      { ...geometry, height: 2.5 },
      { ...geometry, height: 2 ** 31, width: 2 ** 31 },
      { ...geometry, rows: { ...axis, start: Int32Array.of(2) } },
      { ...geometry, rows: { ...axis, start: Int32Array.of(-1) } },
      { ...geometry, rows: { ...axis, start: Int32Array.of(2 ** 31 - 1) } },
      { ...geometry, columns: { ...axis, count: Int32Array.of(-1) } },
      { ...geometry, columns: { ...axis, count: Int32Array.of(2) } },
      { ...geometry, columns: { ...axis, count: Int32Array.of() } },
      { ...geometry, columns: { ...axis, weight: Int32Array.of() } },
      { ...geometry, columns: { ...axis, taps: 2 ** 31 - 1 } },
      { ...geometry, columns: { ...axis, taps: -1 } },
    ];
    for (const each of wrong)
      expect(() => binding.resizeBytes(each, x, y), JSON.stringify(each)).toThrow(RangeError);
    const memory = new Uint8Array(20);
    expect(() => binding.resizeBytes(geometry, x.subarray(1), y)).toThrow(RangeError);
    expect(() => binding.resizeBytes(geometry, x, new Uint8Array(4))).toThrow(RangeError);
    expect(() => binding.resizeBytes(geometry, memory.subarray(0, 12), memory.subarray(11, 14))).toThrow(
      RangeError,
    );
    const shared = new Uint8Array(new SharedArrayBuffer(12));
    expect(() => binding.resizeBytes(geometry, shared, y)).toThrow(TypeError);
    for (const args of [
      [null, x, y],
      [{ ...geometry, rows: null }, x, y],
      [{ ...geometry, rows: { ...axis, start: [1] } }, x, y],
      [geometry, new Float32Array(12), y],
      [geometry, x, new Uint8ClampedArray(3)],
      [geometry, x],
    ]) {
      expect(() => Reflect.apply(binding.resizeBytes, binding, args)).toThrow(TypeError);
    }
  });
});
