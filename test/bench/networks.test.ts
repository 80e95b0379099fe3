// Whole networks in the benchmark: which there are, how outputs are compared, what tables say of results.
import { describe, expect, it } from 'vitest';
import { distance, makeImages } from '../../bench/networks/contenders.js';
import type { NetworkResult } from '../../bench/networks/match.js';
import { NETWORKS, networksOf } from '../../bench/networks/networks.js';
import { networkTables } from '../../bench/networks/report.js';
import { parseOptions } from '../../bench/options.js';

const timing = (contender: string, median: number, first: number, peak: number) => ({
  contender,
  version: '1',
  median,
  spread: 0.01,
  first,
  peak,
});

const result = (network: string, own: number, more: Partial<NetworkResult> = {}): NetworkResult => ({
  network,
  batch: 1,
  threads: 1,
  target: 1.25,
  timings: [timing('onnxruntime', 50, 200, 300e6), timing('convkit', own, 100, 210e6)],
  absent: {},
  wrong: [],
  attainable: 20,
  ...more,
});

it('finds networks by torchvision names, all of them where none is named', () => {
  expect(networksOf([])).toEqual(NETWORKS);
  expect(networksOf(['inception_v3'])).toMatchObject([{ model: 'inceptionV3', size: 299 }]);
  expect(() => networksOf(['resnet'])).toThrow(/resnet50/);
  expect(parseOptions(['--networks', 'all'])?.networks).toEqual([]);
  expect(parseOptions(['--networks', 'vgg16,resnet18', '--batches', '4'])).toMatchObject({
    networks: ['vgg16', 'resnet18'],
    batches: [4],
  });
  expect(parseOptions([])?.networks).toBeNull();
});

it('measures how far outputs lie apart by their largest number, and lets no NaN pass', () => {
  const of = (...values: number[]) => new Float32Array(values);
  expect(distance(of(1, -4), of(1, -4))).toBe(0);
  expect(distance(of(1, -4), of(1.5, -4))).toBe(0.125);
  expect(distance(of(1, -4), of(1, Number.NaN))).toBeNaN();
  expect(distance(of(1), of(1, 2))).toBe(Number.POSITIVE_INFINITY);
  expect(makeImages(3)).toEqual(makeImages(6).subarray(0, 3));
});

describe('tables', () => {
  it('give the ratio, what the roofline allows, memory and first results, a table for each batch', () => {
    const [table, batches] = networkTables([
      result('resnet50', 25),
      result('vgg16', 45),
      result('resnet18', 24, { target: 3 }),
      result('resnet50', 40, { batch: 8 }),
    ]);
    expect(table.title).toContain('1 thread(s), batch 1');
    expect(batches.title).toContain('batch 8');
    expect(table.rows[0]).toEqual([
      'resnet50',
      '25.00 ±1 %',
      '50.00 ±1 %',
      '2.00',
      '1.25 met',
      '80 %',
      '100.0 / 200.0',
      '0.50',
      '210 MB / 300 MB',
      '0.70',
    ]);
    expect(table.rows[1][4]).toBe('1.25 missed');
    expect(table.rows[2][4]).toBe('3.00 met by roofline');
    expect(table.notes[0]).toContain('geometric mean of 3 networks: 1.67');
    expect(table.rows.every((row) => row.length === table.head.length)).toBe(true);
  });

  it('say why a network is missing', () => {
    const wrong = result('googlenet', 1, {
      timings: [],
      wrong: ['convkit and onnxruntime differ by 2.0e+0'],
    });
    const [table] = networkTables([result('resnet50', 25), wrong]);
    expect(table.rows[1]).toEqual(['googlenet', ...Array.from({ length: 9 }, () => '--')]);
    expect(table.notes.join()).toContain('googlenet: convkit and onnxruntime differ');
  });
});
