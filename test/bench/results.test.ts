import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changes, comparison, drift } from '../../bench/compare.js';
import { page } from '../../bench/html/page.js';
import type { MatchResult } from '../../bench/match.js';
import { keptNetworks, keptResults } from '../../bench/official.js';
import { parseOptions } from '../../bench/options.js';
import { replaceBlock, speedBlock } from '../../bench/readme.js';
import { tablesOf } from '../../bench/report.js';
import { Journal, type Results, readResults, writeResults } from '../../bench/results.js';
import { attainable, groupOf, networkMilliseconds } from '../../bench/summary.js';
import { asText } from '../../bench/table.js';

interface Time {
  readonly median: number;
  readonly spread?: number;
  readonly algorithm?: 'direct' | 'winograd2' | 'winograd4';
}

function match(layer: string, times: Record<string, Time>, more: Partial<MatchResult> = {}): MatchResult {
  return {
    layer,
    class: '3x3',
    set: 'foundation',
    times: 1,
    line: `conv2d 1x64x56x56 64 3x3 p1`,
    like: null,
    threads: 1,
    flops: 231_211_008,
    bytes: 1_753_344,
    peaks: { avx512: 280e9 },
    timings: Object.entries(times).map(([contender, { median, spread = 0.01, algorithm }]) => ({
      contender,
      median,
      spread,
      best: median,
      rounds: [median],
      version: '1.0',
      ...(algorithm === undefined ? {} : { algorithm }),
    })),
    absent: {},
    worstError: 0.1,
    wrong: [],
    ...more,
  };
}

function results(matches: readonly MatchResult[], commit = 'abc'): Results {
  return {
    environment: {
      date: '2026-01-02T03:04:05Z',
      commit,
      modified: false,
      node: 'v20',
      system: 'linux',
      processor: 'Some <Processor> & more',
      cores: 2,
      memoryGiB: 24,
      priority: 0,
      load: 0.1,
      compiler: 'GCC',
      engine: {
        name: 'native',
        isa: 'avx512',
        binary: 'x.node',
        reason: '',
        numerics: 1,
        supported: ['scalar', 'avx512'],
        brand: '',
        features: [],
      },
    },
    command: 'npm run bench',
    options: {
      threads: [1],
      isas: null,
      layers: ['bench/layers/foundation.txt'],
      filter: null,
      contenders: null,
      rounds: 1,
      milliseconds: 1,
      slowFlops: null,
    },
    runs: [{ threads: 1, bandwidth: 37e9, matches }],
  };
}

const fast = match('fast', {
  onnxruntime: { median: 3 },
  'convkit:avx512': { median: 1, algorithm: 'winograd4' },
});
const slow = match('slow', { onnxruntime: { median: 1 }, 'convkit:avx512': { median: 2 } }, { class: '1x1' });

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'convkit-results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a results file', () => {
  it('gives back what was written, times to five digits', () => {
    const file = join(folder, 'a', 'r.json');
    const written = results([match('x', { onnxruntime: { median: 1.23456789 } })]);
    writeResults(file, written);
    const read = readResults(file);
    expect(read.runs[0].matches[0].timings[0].median).toBe(1.2346);
    expect(read.environment).toEqual(written.environment);
    expect(read.options).toEqual(written.options);
  });

  it('is refused where it is something else', () => {
    const file = join(folder, 'r.json');
    writeResults(file, results([]));
    expect(() => readResults(join(folder, 'none.json'))).toThrow('ENOENT');
    expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(12);
  });
});

describe('a journal', () => {
  it('remembers the matches of a run that was cut off, and forgets those of another', () => {
    const file = join(folder, 'j.partial');
    new Journal(file, 'run 1').add(fast);
    const again = new Journal(file, 'run 1');
    expect(again.find(1, 'fast')?.timings.length).toBe(2);
    expect(again.find(2, 'fast')).toBeUndefined();
    expect(new Journal(file, 'run 2').find(1, 'fast')).toBeUndefined();
    expect(new Journal(file, 'run 1').find(1, 'fast')).toBeUndefined();
  });
});

describe('what the numbers say', () => {
  it('averages ratios geometrically and counts the losses', () => {
    const group = groupOf('both', [fast, slow], 'convkit:avx512');
    expect(group.mean).toBeCloseTo(Math.sqrt(3 * 0.5), 12);
    expect([group.count, group.least, group.most, group.lost]).toEqual([2, 0.5, 3, 1]);
  });

  it("raises the roof by Winograd's savings, and never above what memory gives", () => {
    expect(attainable(fast, 'convkit:avx512', 'avx512', 1e12)).toBe(4 * 280e9);
    expect(attainable(slow, 'convkit:avx512', 'avx512', 1e12)).toBe(280e9);
    expect(attainable(fast, 'convkit:avx512', 'avx512', 1e9)).toBeCloseTo((fast.flops / fast.bytes) * 1e9, 0);
  });

  it('runs a layer of a network as often as the network does', () => {
    const twice = match('x', { onnxruntime: { median: 1.5 } }, { times: 4 });
    expect(networkMilliseconds([twice, fast], 'onnxruntime')).toBe(9);
  });

  it('names every loss in the tables', () => {
    const text = tablesOf(results([fast, slow]))
      .map(asText)
      .join('\n');
    expect(text).toContain('SLOWER than onnxruntime: slow (0.50)');
    expect(text).toMatch(/^3x3 +1 +3\.00 .*2\.50 +met$/m);
    expect(text).toMatch(/^1x1 +1 +0\.50 .*1\.25 +MISSED$/m);
  });
});

describe('a comparison', () => {
  const before = results([fast, slow], 'old');

  it("takes the machine's own drift out, by the peer's times", () => {
    const after = results([
      match('fast', { onnxruntime: { median: 6 }, 'convkit:avx512': { median: 2 } }),
      match(
        'slow',
        { onnxruntime: { median: 2 }, 'convkit:avx512': { median: 2, spread: 0.02 } },
        { class: '1x1' },
      ),
    ]);
    expect(drift(before, after, 1)).toBeCloseTo(0.5, 12);
    const found = changes(before, after);
    expect(found.map(({ layer, verdict }) => [layer, verdict])).toEqual([
      ['fast', 'noise'],
      ['slow', 'faster'],
    ]);
    expect(found[1].factor).toBeCloseTo(2, 12);
  });

  it('calls a change noise where the spreads are as large', () => {
    const noisy = (median: number) =>
      results([match('n', { onnxruntime: { median: 1 }, 'convkit:avx512': { median, spread: 0.1 } })]);
    expect(changes(noisy(1), noisy(0.8))[0].verdict).toBe('noise');
    expect(changes(noisy(1), noisy(0.6))[0].verdict).toBe('faster');
    expect(changes(noisy(1), noisy(1.7))[0].verdict).toBe('slower');
  });

  it('leaves out layers that only one has, or that have changed', () => {
    const other = { ...slow, line: 'conv2d 1x64x56x56 64 1x1' };
    const after = results([other, match('new', { 'convkit:avx512': { median: 1 } })], 'new');
    expect(comparison(before, after)).toEqual([]);
  });
});

describe('the report', () => {
  const html = page([results([fast, slow])]);

  it('is one file that asks for nothing', () => {
    expect(html).not.toMatch(/\b(?:src|href)=|url\(|@import|<script|https?:/);
    expect(html).toContain('Some &lt;Processor&gt; &amp; more');
  });

  it('draws every layer with its tooltip, in ratios and roofline, and says what was lost', () => {
    expect(html).toContain('fast: 3.00 x');
    expect(html).toContain('fast (winograd4)');
    expect(html).toMatch(/Slower than onnxruntime on 1 of 2 layers:<\/strong> slow 0\.50/);
    expect(html).toContain('by Winograd, tiles of 4x4: 1120 GFLOP/s');
    expect(html).not.toContain('NaN');
  });

  it('has markup whose elements all end', () => {
    const open: string[] = [];
    for (const [, end, name, empty] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)[^<>]*?(\/?)>/g)) {
      if (name === 'meta' || empty === '/') continue;
      if (end === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });
});

describe("the README's table", () => {
  it('is what its generator makes of the kept results', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    expect(replaceBlock(readme, speedBlock(keptResults(), keptNetworks()))).toBe(readme);
  });

  it('names losses where there are any', () => {
    expect(speedBlock(new Map([['foundation-1-thread', results([fast, slow])]]))).toContain(
      'Slower than onnxruntime on one thread: slow (0.50).',
    );
    expect(speedBlock(new Map([['foundation-1-thread', results([fast])]]))).toContain(
      'On one thread no layer is slower than onnxruntime.',
    );
  });
});

describe('the command line', () => {
  it('finds layer files by name, and all networks as models', () => {
    expect(parseOptions(['--layers', 'resnet50,/my/own.txt'], {})?.layers).toEqual([
      'bench/layers/resnet50.txt',
      '/my/own.txt',
    ]);
    expect(parseOptions(['--layers', 'models'], {})?.layers.length).toBe(9);
  });

  it('takes the Python from the option, the environment, or the path', () => {
    expect(parseOptions(['--python', 'a'], { CONVKIT_BENCH_PYTHON: 'b' })?.python).toBe('a');
    expect(parseOptions([], { CONVKIT_BENCH_PYTHON: 'b' })?.python).toBe('b');
    expect(parseOptions([], {})?.python).toBe('python3');
  });

  it.each([
    [['--threads', '0'], '--threads takes a whole number from 1'],
    [['--isa', 'sse'], '--isa takes scalar, avx2, avx512, neon'],
    [['--slow-gflop', 'x'], '--slow-gflop takes a positive number'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('refuses %j', (argv, sentence) => {
    expect(() => parseOptions(argv, {})).toThrow(sentence);
  });
});
