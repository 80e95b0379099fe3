// Times the three ways to compute a 3x3 convolution of stride 1 over a grid of layers, and what the choice of
// `algorithm: 'auto'` loses against the best of them. One thread, no peers; prints Markdown.
//
//   npm run --silent build:all && npx tsc -p bench/tsconfig.json && node --expose-gc bench/build/algorithms.js avx512
//
// Each layer is timed twice: with its filter at hand, as in a loop over one layer; and with filters in turn that fill the
// caches together, as in a network of such layers. What a layer is measured by is the geometric mean of the two.

import type { Binding, ConvGeometry, Isa } from '../binding.js';
import type * as Algorithms from '../lib/ops/algorithm.js';
import { loadLibrary, root } from './library.js';
import { microseconds, noise, planeGeometry } from './plane.js';

const ALGORITHMS = ['direct', 'winograd2', 'winograd4'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

const ROUNDS = 7;
const MICROSECONDS = 600;
/** Bytes of filters that go in turn. */
const CACHES = 7e7;
const LEAST_WORK = 2 ** 18;
const MOST_WORK = 2e9;

interface Grid {
  readonly channels: readonly (readonly [number, number])[];
  readonly sizes: readonly (readonly [number, number])[];
  readonly dilations: readonly number[];
}

const square = (values: readonly number[]) => values.map((value): [number, number] => [value, value]);

const GRIDS: readonly Grid[] = [
  {
    channels: square([16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]),
    sizes: square([6, 7, 8, 9, 10, 12, 13, 14, 17, 20, 28, 35, 40, 56, 80, 112, 224]),
    dilations: [1],
  },
  {
    channels: [
      [16, 64],
      [64, 16],
      [32, 256],
      [256, 32],
      [64, 512],
      [512, 64],
      [256, 512],
      [40, 72],
    ],
    sizes: square([7, 14, 28, 56]),
    dilations: [1],
  },
  {
    channels: square([32, 128, 256]),
    sizes: [
      [7, 28],
      [56, 4],
      [3, 200],
      [1, 64],
      [35, 17],
    ],
    dilations: [1],
  },
  { channels: square([32, 64, 128, 256]), sizes: square([14, 28, 33, 56]), dilations: [2, 3, 4, 6, 12] },
];

interface Layer {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
  readonly dilation: number;
}

const layers: readonly Layer[] = GRIDS.flatMap(({ channels, sizes, dilations }) =>
  channels.flatMap(([inChannels, outChannels]) =>
    sizes.flatMap(([height, width]) =>
      dilations.map((dilation) => ({ inChannels, outChannels, height, width, dilation })),
    ),
  ),
).filter((layer) => workOf(layer) >= LEAST_WORK && workOf(layer) <= MOST_WORK);

/** Multiply-accumulates. */
function workOf({ inChannels, outChannels, height, width }: Layer): number {
  return 9 * inChannels * outChannels * height * width;
}

const geometryOf = (layer: Layer): Omit<ConvGeometry, 'algorithm'> =>
  planeGeometry({ ...layer, groups: 1, kernel: 3 });

/** Microseconds of a call by each algorithm: the geometric mean of the filter at hand and filters in turn. */
function time(binding: Binding, layer: Layer): Record<Algorithm, number> {
  const { inChannels, outChannels, height, width } = layer;
  const x = noise(inChannels * height * width);
  const weight = noise(9 * inChannels * outChannels);
  const y = new Float32Array(outChannels * height * width);
  const contenders = ALGORITHMS.map((algorithm) => {
    const conv = binding.createConv({ ...geometryOf(layer), algorithm });
    const bytes = 4 * inChannels * outChannels * { direct: 9, winograd2: 16, winograd4: 36 }[algorithm];
    const count = Math.min(16, Math.max(2, Math.ceil(CACHES / bytes)));
    const filters = Array.from({ length: count }, () => binding.packFilter(conv, weight, null));
    return { algorithm, conv, filters, one: Number.POSITIVE_INFINITY, inTurn: Number.POSITIVE_INFINITY };
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders) {
      const { conv, filters } = contender;
      const calls = (count: number): number => {
        const begin = microseconds();
        for (let i = 0; i < count; i++) binding.conv(conv, filters[0], x, y, 1);
        return (microseconds() - begin) / count;
      };
      calls(1);
      const count = Math.min(200, Math.ceil(MICROSECONDS / calls(1)));
      contender.one = Math.min(contender.one, calls(count));
      const begin = microseconds();
      for (const filter of filters) binding.conv(conv, filter, x, y, 1);
      contender.inTurn = Math.min(contender.inTurn, (microseconds() - begin) / filters.length);
    }
  }
  const [direct, winograd2, winograd4] = contenders.map(({ one, inTurn }) => Math.sqrt(one * inTurn));
  return { direct, winograd2, winograd4 };
}

function nameOf({ inChannels, outChannels, height, width, dilation }: Layer): string {
  return `${inChannels} to ${outChannels}, ${height}x${width}${dilation > 1 ? `, dilation ${dilation}` : ''}`;
}

const mean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

async function main(): Promise<void> {
  const { engine } = await loadLibrary();
  const { chooseAlgorithm }: typeof Algorithms = await import(new URL('dist/ops/algorithm.js', root).href);
  engine.use('native', { isa: process.argv[2] as Isa | undefined });
  engine.setThreads(1);
  const binding = engine.active();
  console.log(`${engine.info().isa}, one thread, ${binding.cpu().brand}\n`);
  console.log(
    '| layer | direct, GFLOP/s | 2x2, times direct | 4x4, times direct | auto | times the best |\n| --- | --: | --: | --: | --- | --: |',
  );
  const losses: { name: string; loss: number }[] = [];
  const gains: number[] = [];
  for (const layer of layers) {
    // Packed filters of the layers before are freed by finalizers, which wait for the event loop
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
    const times = time(binding, layer);
    const chosen = chooseAlgorithm('auto', geometryOf(layer));
    const loss = Math.min(...Object.values(times)) / times[chosen];
    losses.push({ name: nameOf(layer), loss });
    gains.push(times.direct / times[chosen]);
    const cells = [
      nameOf(layer),
      ((2 * workOf(layer)) / times.direct / 1e3).toFixed(0),
      (times.direct / times.winograd2).toFixed(2),
      (times.direct / times.winograd4).toFixed(2),
      chosen,
      loss.toFixed(2),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  const worst = losses.toSorted((a, b) => a.loss - b.loss).slice(0, 5);
  console.log(
    `\n${layers.length} layers: auto is ${mean(gains).toFixed(2)} times direct and ${mean(losses.map(({ loss }) => loss)).toFixed(3)} times the best; ` +
      `worst ${worst.map(({ name, loss }) => `${name} (${loss.toFixed(2)})`).join('; ')}`,
  );
}

await main();
