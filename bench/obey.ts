// A contender's process: it obeys the runner's orders one by one, and dies with it.

import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { Answer, AnyOrders } from './protocol.js';

/** Answers every order by the function of its kind. */
export function obeyOrders<O extends AnyOrders<O>>(
  handlers: {
    readonly [K in keyof O]: (request: O[K]['request']) => Promise<O[K]['reply']>;
  },
): void {
  process.on('message', (order: { kind: keyof O; request: O[keyof O]['request'] }) => {
    const send = (answer: Answer): void => {
      process.send?.(answer);
    };
    Promise.resolve(order.request)
      .then(handlers[order.kind])
      .then(
        (reply) => send({ ok: true, reply }),
        (error: unknown) =>
          send({ ok: false, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
  process.on('disconnect', () => process.exit());
}

/** Each call's milliseconds, as many calls as fit, one at least. */
export async function timeCalls(call: () => unknown, milliseconds: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  let now = performance.now();
  do {
    const start = now;
    const pending = call();
    if (pending instanceof Promise) await pending;
    now = performance.now();
    times.push(now - start);
  } while (now < end);
  return times;
}

/** As Linux counts it; elsewhere as Node does, which may count what the process was forked from. */
export function peakBytes(): number {
  try {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (found !== null) return Number(found[1]) * 1024;
  } catch {}
  return process.resourceUsage().maxRSS * 1024;
}
