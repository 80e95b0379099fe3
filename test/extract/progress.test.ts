import { expect, test, vi } from 'vitest';
import { clock, Progress } from '../../lib/extract/progress.js';
import { shortDecimal } from '../../lib/extract/sink.js';

function terminal(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 60, write: (text: string) => written.push(text), written };
}

test('a terminal sees a bar on one line, with rate and remaining time, and failures above it', () => {
  vi.useFakeTimers();
  const screen = terminal(true);
  const progress = new Progress(screen, 40);
  vi.advanceTimersByTime(5000);
  progress.update(10);
  progress.update(11); // too soon to redraw
  expect(screen.written).toEqual(['\r\x1b[K██████░░░░░░░░░░░░░░░░░░ 10/40  2.0 images/s  ETA 0:15']);
  progress.failure('x.png: broken');
  vi.advanceTimersByTime(200);
  progress.update(12);
  expect(screen.written.slice(1, 3)).toEqual(['\r\x1b[K', 'x.png: broken\n']);
  expect(screen.written[3].length).toBeLessThanOrEqual('\r\x1b[K'.length + 59);
  progress.clear();
  progress.clear();
  expect(screen.written.slice(4)).toEqual(['\r\x1b[K']);
  vi.useRealTimers();
});

test('anything else sees failures and nothing more', () => {
  const pipe = terminal(false);
  const progress = new Progress(pipe, 2);
  progress.update(1);
  progress.failure('x.png: broken');
  progress.update(2);
  progress.clear();
  expect(pipe.written).toEqual(['x.png: broken\n']);
});

test('clock reads as people write times', () => {
  expect([0, 7, 59.6, 754, 3723].map(clock)).toEqual(['0:00', '0:07', '1:00', '12:34', '1:02:03']);
});

test('shortDecimal writes numbers that read back as the same float32', () => {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let i = 0; i < 100_000; i++) {
    bits[0] = Math.imul(i, 0x9e3779b1);
    if (!Number.isFinite(float[0])) continue;
    const text = shortDecimal(float[0]);
    if (Math.fround(JSON.parse(text)) !== float[0] || text.length > 23)
      throw new Error(`${float[0]} as ${text}`);
  }
  expect([0.1, 1, 1e-45, 3.4028234663852886e38, Number.NaN].map((v) => shortDecimal(Math.fround(v)))).toEqual(
    ['0.1', '1', '1.4013e-45', '3.4028235e+38', 'null'],
  );
});
