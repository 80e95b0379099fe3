import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Layer, parseLayers } from '../../bench/layer.js';
import { LAYERS } from '../../lib/cli/bench-subjects.js';

const root = join(import.meta.dirname, '..', '..');
const brief = ['--rounds', '2', '--milliseconds', '1'];

/** Runs the built command in a process of its own. */
function convkitBench(...args: readonly string[]) {
  const main = join(root, 'dist', 'cli', 'main.js');
  return spawnSync(process.execPath, [main, 'bench', ...args], { cwd: root, encoding: 'utf8' });
}

const timingsOf = (stdout: string): Record<string, unknown>[] => JSON.parse(stdout).timings;

describe('convkit bench', () => {
  it('times the layers that the benchmark of the repository has in its first set', () => {
    const file = join(root, 'bench', 'layers', 'foundation.txt');
    const { layers } = parseLayers(readFileSync(file, 'utf8'), file);
    const plain = ({
      name,
      inChannels,
      outChannels,
      kernelSize,
      inputSize,
      stride,
      dilation,
      groups,
    }: Layer) => ({
      name,
      channels: [inChannels, outChannels, groups],
      window: [kernelSize[0], stride[0], dilation[0]],
      size: inputSize.at(-1),
    });
    const own = LAYERS.map(({ name, inChannels, outChannels, kernelSize, size, options = {} }) => ({
      name,
      channels: [inChannels, outChannels, options.groups ?? 1],
      window: [kernelSize, options.stride ?? 1, options.dilation ?? 1],
      size,
    }));
    expect(own).toEqual(layers.map(plain));
  });

  it('says how fast a layer is on each engine and number of threads', () => {
    const { status, stdout, stderr } = convkitBench(
      ...brief,
      ...['--filter', 'depthwise-14', '--isa', 'scalar,reference', '--threads', '1,2', '--json'],
    );
    expect([status, stderr]).toEqual([0, '']);
    const timings = timingsOf(stdout);
    expect(timings.map(({ name, engine, threads }) => [name, engine, threads])).toEqual([
      ['depthwise-14-576', 'scalar', 1],
      ['depthwise-14-576', 'scalar', 2],
      ['depthwise-14-576', 'reference', 1],
    ]);
    for (const { flops, milliseconds, gflops } of timings) {
      expect(flops).toBe(2 * 576 * 14 * 14 * 9);
      expect(gflops).toBeCloseTo(Number(flops) / Number(milliseconds) / 1e6, 5);
    }
  });

  it('times compiled networks by name', () => {
    const { status, stdout, stderr } = convkitBench('squeezenet1_1', '--input', '2x3x64x64', ...brief);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^squeezenet1_1 +\S+ +\d+ +\d+ steps +0\.\d{3} +\d/m);
  });

  it.each([
    [['--filter', 'lstm'], /no layer's name has 'lstm'/],
    [['--isa', 'sse'], /--isa must be some of reference, .*received 'sse'/],
    [['--threads', '0'], /--threads must be a whole number from 1 to 1024, received '0'/],
    [['resnet5'], /resnet5 is neither a model .* nor a file/],
    [['resnet18', '--input', '1x3'], /.+/],
    [['resnet18', '--input', '1x3x64x64', '--batch', '2'], /both --input and --batch/],
    [['--input', '1x3x64x64'], /--input is for networks/],
  ])('refuses %j with a sentence', (args, sentence) => {
    const { status, stdout, stderr } = convkitBench(...args);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^convkit bench: .*\n$/);
  });
});
