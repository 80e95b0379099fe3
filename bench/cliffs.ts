// Times layers whose channels are one more than a multiple of a vector against that multiple: what a vector that is
// nearly empty costs. One thread, no peers; prints Markdown.
//
//   npm run --silent build:all && npx tsc -p bench/tsconfig.json && node --expose-gc bench/build/cliffs.js avx512

import type { Binding, ConvGeometry, Isa } from '../binding.js';
import type * as Algorithms from '../lib/ops/algorithm.js';
import { loadLibrary, root } from './library.js';
import { microseconds, noise, planeGeometry } from './plane.js';
import { median } from './statistics.js';

const ROUNDS = 5;
/** Arrays that each layer is timed with: vectors that lie across cache lines cost depthwise layers up to 1.7 times. */
const PLACES = 7;
const MICROSECONDS = 1500;
/** What one channel more may cost at most. */
const TARGET = 1.35;
const CHANNELS = [16, 32, 48, 64, 128];

interface Family {
  readonly name: string;
  readonly size: number;
  readonly kernel: number;
  readonly algorithm: 'auto' | 'direct';
  /** Input channels, output channels and groups of a layer of so many channels. */
  readonly channels: (count: number) => readonly [inputs: number, outputs: number, groups: number];
}

const FAMILIES: readonly Family[] = [
  { name: '1x1, outputs', size: 56, kernel: 1, algorithm: 'direct', channels: (n) => [64, n, 1] },
  { name: '1x1, both', size: 56, kernel: 1, algorithm: 'direct', channels: (n) => [n, n, 1] },
  { name: '3x3 direct, inputs', size: 56, kernel: 3, algorithm: 'direct', channels: (n) => [n, 64, 1] },
  { name: '3x3 direct, outputs', size: 56, kernel: 3, algorithm: 'direct', channels: (n) => [64, n, 1] },
  { name: '3x3 direct, both', size: 28, kernel: 3, algorithm: 'direct', channels: (n) => [n, n, 1] },
  { name: '3x3 auto, both', size: 28, kernel: 3, algorithm: 'auto', channels: (n) => [n, n, 1] },
  { name: '3x3 depthwise', size: 56, kernel: 3, algorithm: 'direct', channels: (n) => [n, n, n] },
];

function geometryOf(family: Family, count: number): Omit<ConvGeometry, 'algorithm'> {
  const { size, kernel } = family;
  const [inChannels, outChannels, groups] = family.channels(count);
  return planeGeometry({ inChannels, outChannels, groups, height: size, width: size, kernel, dilation: 1 });
}

/** Microseconds of a call of each geometry, in turn: the least of all rounds, the median of places. */
function time(binding: Binding, geometries: readonly ConvGeometry[]): number[] {
  const contenders = geometries.map((geometry) => {
    const { inChannels, outChannels, groups, inputSize, outputSize, kernelSize } = geometry;
    const conv = binding.createConv(geometry);
    const weight = noise((outChannels * inChannels * kernelSize[1] * kernelSize[2]) / groups);
    const filter = binding.packFilter(conv, weight, null);
    return Array.from({ length: PLACES }, () => {
      const x = noise(inChannels * inputSize[1] * inputSize[2]);
      const y = new Float32Array(outChannels * outputSize[1] * outputSize[2]);
      return { call: () => binding.conv(conv, filter, x, y, 1), least: Number.POSITIVE_INFINITY };
    });
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders.flat()) {
      contender.call();
      let calls = 0;
      const begin = microseconds();
      while (microseconds() - begin < MICROSECONDS) for (let i = 0; i < 4; i++, calls++) contender.call();
      contender.least = Math.min(contender.least, (microseconds() - begin) / calls);
    }
  }
  return contenders.map((places) => median(places.map(({ least }) => least)));
}

async function main(): Promise<void> {
  const { engine } = await loadLibrary();
  const { chooseAlgorithm }: typeof Algorithms = await import(new URL('dist/ops/algorithm.js', root).href);
  engine.use('native', { isa: process.argv[2] as Isa | undefined });
  engine.setThreads(1);
  const binding = engine.active();
  console.log(`${engine.info().isa}, one thread, ${binding.cpu().brand}; at most ${TARGET}\n`);
  console.log(`| layer | ${CHANNELS.map((n) => `${n} to ${n + 1}`).join(' | ')} |`);
  console.log(`| --- | ${CHANNELS.map(() => '--:').join(' | ')} |`);
  let beyond = 0;
  for (const family of FAMILIES) {
    const cells: string[] = [];
    for (const count of CHANNELS) {
      const geometries = [count, count + 1].map((n): ConvGeometry => {
        const sizes = geometryOf(family, n);
        return { ...sizes, algorithm: chooseAlgorithm(family.algorithm, sizes) };
      });
      const [multiple, one] = time(binding, geometries);
      const ratio = one / multiple;
      if (ratio >= TARGET) beyond++;
      cells.push(ratio >= TARGET ? `**${ratio.toFixed(2)}**` : ratio.toFixed(2));
      // Packed filters are freed by finalizers, which wait for the event loop
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(`| ${family.name}, ${family.size}x${family.size} | ${cells.join(' | ')} |`);
  }
  console.log(`\n${beyond} of ${FAMILIES.length * CHANNELS.length} beyond`);
}

await main();
