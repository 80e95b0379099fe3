// Arrays of recorded networks: distinct, though nothing lies behind them.
import { describe, expect, it } from 'vitest';
import { Nowhere } from '../../lib/graph/nowhere.js';
import { compile, nn, ops, Tensor } from '../../lib/index.js';

describe('outputs that are recorded', () => {
  it('are told apart, though they lie in the same memory', () => {
    const nowhere = new Nowhere();
    const [a, b] = [nowhere.take(12), nowhere.take(7)];
    expect([a.length, b.length]).toEqual([12, 7]);
    expect(a.buffer).toBe(b.buffer);
    expect(nowhere.placeOf(a)?.made).not.toBe(nowhere.placeOf(b)?.made);
    expect(nowhere.placeOf(a)?.made.block.length).toBe(12);
  });

  it('have parts, and parts of parts, in their own places', () => {
    const nowhere = new Nowhere();
    const whole = nowhere.take(20);
    const part = nowhere.part(whole, 4, 12) ?? expect.fail('the array lies there');
    const inner = nowhere.part(part, 2, 5) ?? expect.fail('the part lies there');
    expect(inner.length).toBe(3);
    expect(nowhere.placeOf(inner)?.begin).toBe(6);
    expect(nowhere.placeOf(inner)?.made).toBe(nowhere.placeOf(whole)?.made);
  });

  it('refuse a view that part() did not make, and know nothing of other arrays', () => {
    const nowhere = new Nowhere();
    const array = nowhere.take(9);
    nowhere.take(1000); // lies elsewhere; the first one is known all the same
    expect(() => nowhere.placeOf(array.subarray(1))).toThrow(/part\(\)/);
    expect(nowhere.placeOf(array)?.begin).toBe(0);
    expect(nowhere.placeOf(new Float32Array(9))).toBeUndefined();
    expect(nowhere.part(new Float32Array(9), 0, 1)).toBeUndefined();
  });

  it('never own their buffer, so that nothing keeps it for results', () => {
    const nowhere = new Nowhere();
    for (const length of [0, 1, 1, 2, 5, 40, 41, 100_000]) {
      const array = nowhere.take(length);
      expect(array.length).toBe(length);
      expect(array.byteLength).toBeLessThan(array.buffer.byteLength);
    }
  });

  it('are taken in parts by what resizes images one by one', async () => {
    class Resized extends nn.Module {
      forward(x: Tensor): Tensor {
        return ops.relu(ops.upsample(ops.mul(x, x), { scaleFactor: 1.5, mode: 'bicubic' }));
      }
    }
    const net = new Resized();
    const x = Tensor.randn([3, 2, 6, 4], { seed: 5 });
    const session = await compile(net, { inputShape: x.shape });
    expect(session.runSync(x).toArray()).toEqual(net.forward(x).toArray());
  });
});
