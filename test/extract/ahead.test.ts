import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ahead } from '../../lib/extract/ahead.js';

async function collect<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const result of results) all.push(result);
  return all;
}

describe('ahead', () => {
  test('keeps the order however long each piece takes, and both limits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 8 }),
        async (delays, running, waiting) => {
          let now = 0;
          let most = 0;
          let begun = 0;
          let taken = 0;
          const results = ahead(delays.keys(), { running, waiting }, async (i) => {
            begun++;
            most = Math.max(most, ++now);
            await sleep(delays[i]);
            now--;
            return i;
          });
          const order: number[] = [];
          for await (const i of results) {
            order.push(i);
            expect(begun - taken).toBeLessThanOrEqual(waiting);
            taken++;
          }
          expect(order).toEqual([...delays.keys()]);
          expect(most).toBeLessThanOrEqual(running);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('works ahead while its consumer is busy', async () => {
    const begun: number[] = [];
    const results = ahead([0, 1, 2, 3, 4, 5], { running: 2, waiting: 4 }, async (i) => begun.push(i));
    await results.next();
    await sleep(5);
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(await collect(results)).toHaveLength(5);
  });

  test('starts nothing more once its consumer stops', async () => {
    let begun = 0;
    for await (const _ of ahead(Array(100).keys(), { running: 2, waiting: 3 }, async () => begun++)) break;
    await sleep(5);
    expect(begun).toBe(3);
  });
});
