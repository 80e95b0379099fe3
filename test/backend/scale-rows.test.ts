// Scaling of rows: the native engine, with any number of threads, against the reference, and both against what they refuse.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Binding } from '../../binding.js';
import { reference } from '../../lib/backend/reference/index.js';
import { implementations } from '../support/bindings.js';
import { requireNative } from '../support/native.js';
import { Random } from '../support/random.js';

const bits = (array: Float32Array): Int32Array => new Int32Array(array.buffer, 0, array.length);

let native: Binding;
beforeAll(() => {
  native = requireNative();
});

describe('scaleRows, native beside the reference', () => {
  it('gives the same bits on every backend, into the same memory too', () => {
    const random = new Random(41);
    for (const rows of [0, 1, 2, 3, 17, 500]) {
      for (const width of [0, 1, 2, 3, 8, 9, 31, 2000]) {
        const x = Float32Array.from({ length: rows * width }, () => random.between(-1000, 1000) / 7);
        const scale = Float64Array.from({ length: rows }, () => random.between(-1000, 1000) / 3);
        const wanted = new Float32Array(x.length).fill(Number.NaN);
        reference.scaleRows(x, scale, wanted);
        for (const threads of [1, 3]) {
          native.setThreads(threads);
          const y = new Float32Array(x.length).fill(Number.NaN);
          native.scaleRows(x, scale, y);
          expect(bits(y)).toEqual(bits(wanted));
          const own = x.slice();
          native.scaleRows(own, scale, own);
          expect(bits(own)).toEqual(bits(wanted));
        }
      }
    }
  });

  it('rounds once, to nearest, subnormal numbers too', () => {
    const x = Float32Array.of(1 + 2 ** -23, 3, 2 ** -140, 2 ** 127);
    const scale = Float64Array.of(1 + 2 ** -24, 1 / 3, 0.75, 4);
    for (const binding of [reference, native]) {
      const y = new Float32Array(4);
      binding.scaleRows(x, scale, y);
      expect([...y]).toEqual([...x].map((value, i) => Math.fround(value * scale[i])));
    }
  });
});

describe('scaleRows', () => {
  it.each(implementations)(
    '$name refuses lengths that do not fit, other arrays, and memory that meets in part',
    ({ get }) => {
      const binding = get();
      const memory = new Float32Array(10);
      const [x, y] = [new Float32Array(6), new Float32Array(6)];
      const scale = Float64Array.of(1, 2, 3);
      expect(() => binding.scaleRows(x, new Float64Array(4), y)).toThrow(RangeError);
      expect(() => binding.scaleRows(x, new Float64Array(0), y)).toThrow(RangeError);
      expect(() => binding.scaleRows(x, scale, new Float32Array(5))).toThrow(RangeError);
      expect(() => binding.scaleRows(memory.subarray(0, 6), scale, memory.subarray(1, 7))).toThrow(
        RangeError,
      );
      const shared = new Float64Array(new SharedArrayBuffer(24));
      for (const args of [
        [x, x, y],
        [x, [1, 2, 3], y],
        [x, shared, y],
        [scale, scale, y],
        [x, scale, null],
        [x, scale],
      ])
        expect(() => Reflect.apply(binding.scaleRows, binding, args)).toThrow(TypeError);
      expect(() => binding.scaleRows(x, scale, y)).not.toThrow();
      structuredClone(scale, { transfer: [scale.buffer] });
      const detached = () => binding.scaleRows(new Float32Array(0), scale, new Float32Array(0));
      expect(detached).toThrow(TypeError);
      expect(detached).toThrow('scale lies in a detached ArrayBuffer');
    },
  );
});
