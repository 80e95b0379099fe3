// What a call costs beside its arithmetic: a 3x3 convolution of 3 channels on an image of 8x8, by every way there is, beside
// an empty call of the addon plus allocating the output. Run by `npm run bench -- --small-call`.

import { loadLibrary } from './library.js';
import { planeGeometry } from './plane.js';
import { median, quantile } from './statistics.js';
import type { Table } from './table.js';

/** Most that a call may cost, as a multiple of the least that any addon's could. */
const TARGET = 3;
/** So many in turn that each way pays for collecting what it leaves, and as many untimed that it does not pay for the last one's. */
const CALLS = 15_000;
const ROUNDS = 12;

/** Nanoseconds a call of each way, in turns; the median over rounds. One table for each number of filters. */
export async function smallCalls(): Promise<Table[]> {
  return [await smallCall(3), await smallCall(16)];
}

async function smallCall(outChannels: number): Promise<Table> {
  const length = outChannels * 8 * 8;
  const { convkit, engine } = await loadLibrary();
  const { nn, ops, Tensor, noGrad } = convkit;
  engine.use('native');
  engine.setThreads(1);
  const binding = engine.active();
  const layer = new nn.Conv2d(3, outChannels, 3, { padding: 1 });
  const { weight, bias } = layer;
  const x = Tensor.randn([1, 3, 8, 8], { seed: 1 });
  const lying = x.channelsLast();
  const conv = binding.createConv({ ...planeGeometry({ ...PLANE, outChannels }), algorithm: 'direct' });
  const filter = binding.packFilter(conv, weight.data, bias?.data ?? null);
  const [input, output] = [new Float32Array(3 * 8 * 8), new Float32Array(length)];
  let kept: unknown;
  const ways: Record<string, () => void> = {
    'an empty call': () => binding.nothing(),
    'new Float32Array': () => {
      kept = new Float32Array(length);
    },
    'an empty call and the output': () => {
      kept = new Float32Array(length);
      binding.nothing();
    },
    'binding.conv': () => binding.conv(conv, filter, input, output, 1),
    'binding.conv and the output': () => {
      const y = new Float32Array(length);
      binding.conv(conv, filter, input, y, 1);
      kept = y;
    },
    'layer.forward, channels-last': () => {
      kept = layer.forward(lying);
    },
    'layer.forward, NCHW': () => {
      kept = layer.forward(x);
    },
    'ops.conv2d, channels-last': () => {
      kept = ops.conv2d(lying, weight, bias, OPTIONS);
    },
  };
  const names = Object.keys(ways);
  const rounds = new Map<string, number[]>(names.map((name) => [name, []]));
  noGrad(() => {
    for (let round = 0; round < ROUNDS; round++)
      for (const name of names) rounds.get(name)?.push(timed(ways[name]));
  });
  if (kept === undefined) throw new Error('nothing ran');
  const least = median(rounds.get('an empty call and the output') ?? []);
  return {
    title: `What a call costs: Conv2d(3, ${outChannels}, 3) on 1x3x8x8, native, one thread`,
    head: ['call', 'ns', 'least ns', 'times an empty call and the output'],
    rows: names.map((name) => {
      const times = rounds.get(name) ?? [];
      const ns = median(times);
      return [name, ns.toFixed(0), quantile(times, 0).toFixed(0), (ns / least).toFixed(2)];
    }),
    notes: [`the target is ${TARGET.toFixed(2)}`],
  };
}

const OPTIONS = { padding: 1 } as const;

const PLANE = { inChannels: 3, groups: 1, height: 8, width: 8, kernel: 3, dilation: 1 } as const;

function timed(call: () => void): number {
  for (let i = 0; i < CALLS; i++) call();
  const start = process.hrtime.bigint();
  for (let i = 0; i < CALLS; i++) call();
  return Number(process.hrtime.bigint() - start) / CALLS;
}
