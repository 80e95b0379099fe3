// What the server knows of itself: requests counted by their ends, how long they took, and how late its event loop is.

import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between the timers that measure; what they come later than this is delay. */
const RESOLUTION = 1;

export function makeMonitor() {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  const counts = { answered: 0, refused: 0, faulty: 0, gone: 0, failed: 0 };
  let seconds = 0.1;
  const late = (nanoseconds) => Math.max(0, Math.round(nanoseconds / 1e4 - 100 * RESOLUTION) / 100);
  return {
    counts,
    /** A request was answered after so many milliseconds: a moving average, for Retry-After. */
    took(milliseconds) {
      seconds += (milliseconds / 1000 - seconds) / 16;
    },
    /** Whole seconds until so many requests will have been answered. */
    retryAfter: (requests) => Math.min(120, Math.max(1, Math.ceil(requests * seconds))),
    /** Milliseconds by which the event loop was late since the last reset. */
    eventLoopDelay: () => ({
      p50: late(delay.percentile(50)),
      p90: late(delay.percentile(90)),
      p99: late(delay.percentile(99)),
      max: late(delay.max),
    }),
    reset() {
      delay.reset();
      for (const name of Object.keys(counts)) counts[name] = 0;
    },
    stop: () => delay.disable(),
  };
}
