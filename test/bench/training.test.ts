import { describe, expect, it } from 'vitest';
import { page } from '../../bench/html/page.js';
import { readLayers } from '../../bench/layer-files.js';
import type { MatchResult } from '../../bench/match.js';
import { keptResults, parts } from '../../bench/official.js';
import { parseOptions } from '../../bench/options.js';
import { speedBlock } from '../../bench/readme.js';
import { tablesOf } from '../../bench/report.js';
import type { Results } from '../../bench/results.js';
import { asText } from '../../bench/table.js';
import { distance, mayDiffer } from '../../bench/training/match.js';
import { memoryShare, PYTORCH, withFaster } from '../../bench/training/report.js';
import { needsInputGradient, startingValues, subjects } from '../../bench/training/subjects.js';

const layers = subjects(readLayers('bench/layers/foundation.txt').layers);

function match(
  layer: string,
  kind: string,
  times: Record<string, number>,
  peaks: Record<string, number> = {},
) {
  const made: MatchResult = {
    layer,
    class: kind,
    set: 'training',
    times: 1,
    line: layer,
    like: null,
    threads: 1,
    flops: 0,
    bytes: 0,
    peaks: {},
    timings: Object.entries(times).map(([contender, median]) => ({
      contender,
      median,
      spread: 0.01,
      best: median,
      rounds: [median],
      version: contender.startsWith('torch') ? '2.13.0+cpu' : 'numerics 2',
      ...(contender in peaks ? { peakBytes: peaks[contender] * 2 ** 20 } : {}),
    })),
    absent: {},
    worstError: 0.1,
    wrong: [],
  };
  return made;
}

const step = match(
  'resnet18-batch8',
  'step',
  { torch: 900, 'torch:channelsLast': 600, 'convkit:avx512': 300 },
  { torch: 700, 'torch:channelsLast': 800, 'convkit:avx512': 350 },
);
const layer = match('conv', '3x3', { torch: 10, 'torch:channelsLast': 12, 'convkit:avx512': 8 });
const slow = match('depthwise', 'depthwise', { torch: 10, 'torch:channelsLast': 5, 'convkit:avx512': 10 });

const kept = keptResults().get('foundation-1-thread') as Results;
const results = (matches: readonly MatchResult[]): Results => ({
  ...kept,
  options: { ...kept.options, training: true },
  runs: [{ threads: 1, bandwidth: 37e9, matches }],
});

describe('a run of training', () => {
  it('holds convkit against the faster of two memory formats, step by step and by the mean of layers', () => {
    const text = tablesOf(results([step, layer, slow]))
      .map(asText)
      .join('\n');
    expect(text).toContain('beside PyTorch 2.13.0+cpu');
    expect(text).toMatch(/^resnet18-batch8 .* 2\.00 .*1\.50 +met$/m);
    expect(text).toMatch(/^geometric mean of 2 layers +0\.79 +1\.30 +MISSED$/m);
    expect(text).toContain('SLOWER than PyTorch: depthwise (0.50)');
    expect(text).toMatch(/^resnet18-batch8 +700 +800 +350 +0\.50 +1\.00 +met$/m);
  });

  it('says what is wrong, and times nothing of it', () => {
    const wrong = { ...step, timings: [], wrong: ['loss 1: torch and convkit:avx512 differ'] };
    const text = tablesOf(results([wrong, layer]))
      .map(asText)
      .join('\n');
    expect(text).toContain('WRONG resnet18-batch8: loss 1');
  });

  it('knows the leaner peak and the faster time of PyTorch apart', () => {
    const [found] = withFaster({ threads: 1, bandwidth: 1, matches: [step] }).matches;
    expect(found.timings[0]).toMatchObject({ contender: PYTORCH, median: 600 });
    expect(memoryShare(found, 'convkit:avx512')).toBeCloseTo(0.5, 12);
    expect(memoryShare(layer, 'convkit:avx512')).toBeNaN();
  });

  it('stands in the README and the report', () => {
    const block = speedBlock(
      new Map([
        ['foundation-1-thread', kept],
        ['training-1-thread', results([step, layer])],
        ['training-2-threads', results([step])],
      ]),
    );
    expect(block).toContain('| ResNet-18, 8 images, SGD | 2.00 | 2.00 | 0.50 |');
    expect(block).toContain('| 1 layers, forward and backward | 1.25 |  |  |');
    const html = page([results([step, layer, slow])]);
    expect(html).toContain('<h2>Training, one thread</h2>');
    expect(html).toContain('Slower than PyTorch on 1 of 3 layers');
    expect(html).not.toContain('NaN');
  });
});

describe('what is trained', () => {
  it('is three steps and every layer, whose image needs a gradient unless it is the network’s own', () => {
    expect(layers.filter(({ step: own }) => own !== null).map(({ name }) => name)).toEqual([
      'resnet18-batch8',
      'mobilenetv2-batch8',
      'cnn-batch64',
    ]);
    const without = layers.filter(({ layer: own }) => own !== null && !needsInputGradient(own));
    expect(without.map(({ class: kind }) => kind)).toEqual(['stem']);
  });

  it('begins with weights inside Kaiming’s bound, scales around one and biases around zero', () => {
    const weight = startingValues('a.weight', [8, 6, 1, 1], 3);
    expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(1);
    expect(Math.max(...weight.map(Math.abs))).toBeGreaterThan(0.8);
    const mean = (of: Float32Array) => of.reduce((sum, value) => sum + value, 0) / of.length;
    expect(mean(startingValues('bn.weight', [1000], 3))).toBeCloseTo(1, 1);
    expect(mean(startingValues('bn.bias', [1000], 3))).toBeCloseTo(0, 1);
  });

  it('differs by the length of the difference, a share of the first', () => {
    expect(distance(Float32Array.of(3, 4), Float32Array.of(3, 4))).toBe(0);
    expect(distance(Float32Array.of(3, 4), Float32Array.of(3, 9))).toBe(1);
    expect(distance(Float32Array.of(0), Float32Array.of(1))).toBe(Number.POSITIVE_INFINITY);
    expect(distance(Float32Array.of(1), Float32Array.of(Number.NaN))).toBeNaN();
    expect(distance(Float32Array.of(0, 0), Float32Array.of(3, 4), 5)).toBeCloseTo(Math.SQRT1_2, 6);
    expect(mayDiffer(layers[0], 'loss 1')).toBeLessThan(mayDiffer(layers[0], 'fc.weight'));
    expect(mayDiffer(layers[3], 'output')).toBe(1e-5);
  });

  it('is an official run on one thread and on two', () => {
    const training = parts('avx512').filter((part) => part.training);
    expect(training.map(({ name, threads }) => [name, threads])).toEqual([
      ['training-1-thread', 1],
      ['training-2-threads', 2],
    ]);
    expect(parseOptions(['--training'], {})?.training).toBe(true);
    expect(parseOptions([], {})?.training).toBe(false);
  });
});
