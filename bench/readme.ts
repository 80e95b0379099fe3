// The README's table of speed, from the kept results and nothing else: `npm run bench -- --readme` writes it, and a test
// holds that what stands there is what this makes.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BASELINE } from './contenders/index.js';
import { root } from './library.js';
import type { MatchResult } from './match.js';
import type { NetworkResult } from './networks/match.js';
import type { Results, RunResult } from './results.js';
import { geometricMean } from './statistics.js';
import { groupedBy, groupOf, mainIsa, millisecondsOf, speedup } from './summary.js';
import { isStep, layersMean, memoryShare, PYTORCH, versions, withFaster } from './training/report.js';

const BEGIN = '<!-- speed: written by npm run bench -- --readme -->';
const END = '<!-- speed: end -->';

/** What classes of layers are called, in the table's order. */
const CLASS_TITLES: Readonly<Record<string, string>> = {
  '1x1': '1x1',
  '3x3': '3x3, 28x28 outputs and more',
  '3x3-14': '3x3, 14x14',
  '3x3-7': '3x3, 7x7',
  strided: '3x3, stride 2',
  dilated: '3x3, dilation 4',
  stem: '7x7 stem',
  depthwise: 'depthwise',
  grouped: 'grouped',
};

/** What the networks are called. */
export const SET_TITLES: Readonly<Record<string, string>> = {
  resnet50: 'ResNet-50',
  vgg16: 'VGG-16',
  resnext50: 'ResNeXt-50',
  mobilenetv2: 'MobileNetV2',
  efficientnet: 'EfficientNet-B0',
  densenet121: 'DenseNet-121',
  inceptionv3: 'Inception-v3',
  deeplabv3: 'DeepLabV3-ResNet50',
  wavenet: 'WaveNet',
};

/** What the training steps are called. */
const STEP_TITLES: Readonly<Record<string, string>> = {
  'resnet18-batch8': 'ResNet-18, 8 images, SGD',
  'mobilenetv2-batch8': 'MobileNetV2, 8 images, SGD',
  'cnn-batch64': 'small CNN, 64 digits, Adam',
};

type Kept = ReadonlyMap<string, Results>;

/** The block between the marks, by name of the kept results and with those of whole networks. */
export function speedBlock(kept: Kept, networks: readonly NetworkResult[] = []): string {
  const one = runOf(kept, 'foundation-1-thread');
  if (one === undefined) throw new Error('bench/results/foundation-1-thread.json is missing');
  const { environment } = kept.get('foundation-1-thread') as Results;
  const ours = `convkit:${mainIsa(one)}`;
  const two = runOf(kept, 'foundation-2-threads');
  const models = runOf(kept, 'models-1-thread');
  const modelsOnTwo = runOf(kept, 'models-2-threads');
  return [
    `Times onnxruntime-node ${versionOf(one, BASELINE)}: geometric means over single convolutions of well-known networks, channels-last tensors,`,
    `${ours.slice(8)} on ${environment.processor} with ${environment.cores} cores. Above 1 is faster.`,
    '',
    ...classTable(one, two, ours),
    ...(models === undefined ? [] : ['', ...networkTable(models, modelsOnTwo, ours)]),
    '',
    ...remarks(kept, one, models, ours),
    ...sessionTable(networks, ours),
    ...trainingTable(runOf(kept, 'training-1-thread'), runOf(kept, 'training-2-threads'), ours),
  ].join('\n');
}

const runOf = (kept: Kept, name: string): RunResult | undefined => kept.get(name)?.runs[0];

function versionOf({ matches }: RunResult, contender: string): string {
  const found = matches.flatMap(({ timings }) => timings).find((timing) => timing.contender === contender);
  return found?.version ?? '';
}

function classTable(one: RunResult, two: RunResult | undefined, ours: string): string[] {
  const row = (title: string, wanted: (match: MatchResult) => boolean): string =>
    tableRow(title, [
      groupOf('', one.matches.filter(wanted), ours).mean,
      groupOf('', two?.matches.filter(wanted) ?? [], ours).mean,
      groupOf('', one.matches.filter(wanted), `${ours}:nchw`).mean,
    ]);
  const known = [...groupedBy(one.matches, 'class').keys()];
  const places = Object.keys(CLASS_TITLES);
  known.sort((a, b) => places.indexOf(a) - places.indexOf(b));
  return [
    '| layers | one thread | two threads | one thread, NCHW in and out |',
    '|---|---|---|---|',
    ...known
      .filter((kind) => kind in CLASS_TITLES)
      .map((kind) => row(CLASS_TITLES[kind], (match) => match.class === kind)),
    row(`all ${one.matches.length}`, () => true),
  ];
}

function networkTable(one: RunResult, two: RunResult | undefined, ours: string): string[] {
  const row = (title: string, matches: readonly MatchResult[], set: string | null): string => {
    const group = groupOf('', matches, ours);
    const onTwo = groupOf('', two?.matches.filter((match) => set === null || match.set === set) ?? [], ours);
    return `${tableRow(`${title} (${group.count})`, [group.mean, onTwo.mean])} ${group.lost} | ${shown(group.least)} |`;
  };
  return [
    '| every distinct convolution of (layers) | one thread | two threads | below 1 | least |',
    '|---|---|---|---|---|',
    ...[...groupedBy(one.matches, 'set')].map(([set, matches]) => row(SET_TITLES[set] ?? set, matches, set)),
    row('all', one.matches, null),
  ];
}

/** Compiled networks beside onnxruntime; nothing where none was measured. */
function sessionTable(results: readonly NetworkResult[], ours: string): string[] {
  if (results.length === 0) return [];
  const ratioOf = ({ timings }: NetworkResult, of: 'median' | 'peak' | 'first'): number => {
    const [own, baseline] = [ours.slice(0, ours.indexOf(':')), BASELINE].map(
      (name) => timings.find(({ contender }) => contender === name)?.[of] ?? Number.NaN,
    );
    return of === 'median' ? baseline / own : own / baseline;
  };
  const among = (batch: number, threads: number) =>
    results.filter((result) => result.batch === batch && result.threads === threads);
  const columns = [among(1, 1), among(1, 2), among(8, 1), among(8, 2)];
  const rows = [...new Set(results.map(({ network }) => network))].map((network) => {
    const cells = columns.map((column) => column.filter((result) => result.network === network));
    const [alone] = cells;
    return tableRow(network, [
      ...cells.map(([result]) => (result === undefined ? Number.NaN : ratioOf(result, 'median'))),
      ...(['peak', 'first'] as const).map((of) =>
        alone[0] === undefined ? Number.NaN : ratioOf(alone[0], of),
      ),
    ]);
  });
  const means = columns.map((column) => geometricMean(column.map((result) => ratioOf(result, 'median'))));
  return [
    '',
    'Whole networks: a compiled session beside an onnxruntime session of the same network, outputs compared first; memory and the time',
    'from the first import to the first output are shares of its (one image, one thread; below 1 is better):',
    '',
    '| network | one image, one thread | two threads | 8 images, one thread | two threads | peak memory | first output |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    tableRow('geometric mean', [...means, Number.NaN, Number.NaN]),
  ];
}

/** Training steps beside PyTorch; nothing where none was measured. */
function trainingTable(one: RunResult | undefined, two: RunResult | undefined, ours: string): string[] {
  if (one === undefined) return [];
  const [run, onTwo] = [withFaster(one), two === undefined ? undefined : withFaster(two)];
  const steps = run.matches.filter(isStep).map((match) => {
    const same = onTwo?.matches.find(({ layer }) => layer === match.layer);
    const ratios = [match, same].map((one) => (one === undefined ? Number.NaN : speedup(one, PYTORCH, ours)));
    return tableRow(STEP_TITLES[match.layer] ?? match.layer, [...ratios, memoryShare(match, ours)]);
  });
  const means = [layersMean(run, ours), onTwo === undefined ? Number.NaN : layersMean(onTwo, ours)];
  const count = run.matches.length - steps.length;
  return [
    '',
    `Training, times PyTorch ${versions(one)[0]?.replace(/\+.*/, '') ?? ''} in the faster of its two memory formats, losses and gradients compared first:`,
    '',
    '| one step | one thread | two threads | peak memory, of PyTorch’s |',
    '|---|---|---|---|',
    ...steps,
    tableRow(`${count} layers, forward and backward`, [...means, Number.NaN]),
  ];
}

function losses(matches: readonly MatchResult[], threads: string, ours: string): string {
  const lost = matches.filter((match) => speedup(match, BASELINE, ours) < 1);
  if (lost.length === 0) return `On ${threads} no layer is slower than onnxruntime.`;
  const named = lost.map((match) => `${match.layer} (${shown(speedup(match, BASELINE, ours))})`);
  return `Slower than onnxruntime on ${threads}: ${named.join(', ')}.`;
}

/** What a reader must know to judge the tables, with its numbers. */
function remarks(kept: Kept, one: RunResult, models: RunResult | undefined, ours: string): string[] {
  const keptMean = groupOf('', one.matches, ours, `${BASELINE}:kept`).mean;
  const twoThreads = ['foundation-2-threads', 'models-2-threads'].flatMap(
    (name) => runOf(kept, name)?.matches ?? [],
  );
  const torch = groupOfFaster(one.matches, ours, ['torch', 'torch:channelsLast']);
  const script = runOf(kept, 'typescript-1-thread')?.matches ?? [];
  const [tfjs, plain] = ['tfjs', 'plain'].map((name) => groupOf('', script, 'convkit:reference', name).mean);
  return [
    ...(Number.isNaN(keptMean)
      ? []
      : [
          `Part of the lead is memory: convkit keeps freed pages for the next output. Beside an onnxruntime told to do the same, the set stands at ${shown(keptMean)} (one thread).`,
        ]),
    losses([...one.matches, ...(models?.matches ?? [])], 'one thread', ours),
    ...(twoThreads.length === 0 ? [] : [losses(twoThreads, 'two threads', ours)]),
    ...(Number.isNaN(torch)
      ? []
      : [
          `Beside PyTorch ${versionOf(one, 'torch').replace(/\+.*/, '')}, in the faster of its two memory formats: ${shown(torch)}.`,
        ]),
    ...(Number.isNaN(tfjs)
      ? []
      : [
          `The TypeScript backend computes the set ${shown(tfjs)} times as fast as tfjs's plain JavaScript, and at ${shown(plain)} of its own loops without exact rounding.`,
        ]),
  ];
}

/** The geometric mean of our speed beside the fastest of several. */
function groupOfFaster(matches: readonly MatchResult[], ours: string, theirs: readonly string[]): number {
  const ratios = matches
    .map((match) => {
      const times = theirs.map((name) => millisecondsOf(match, name)).filter((time) => !Number.isNaN(time));
      return times.length === 0 ? Number.NaN : Math.min(...times) / millisecondsOf(match, ours);
    })
    .filter((ratio) => !Number.isNaN(ratio));
  return geometricMean(ratios);
}

const tableRow = (title: string, values: readonly number[]): string =>
  `| ${title} | ${values.map(shown).join(' | ')} |`;

const shown = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '');

const README = fileURLToPath(new URL('README.md', root));

/** @throws Error where the marks are not there. */
export function replaceBlock(text: string, block: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md has no block from '${BEGIN}' to '${END}'`);
  return `${text.slice(0, begin + BEGIN.length)}\n${block}\n${text.slice(end)}`;
}

/** Writes the block into README.md. */
export function writeReadme(kept: Kept, networks: readonly NetworkResult[]): void {
  writeFileSync(README, replaceBlock(readFileSync(README, 'utf8'), speedBlock(kept, networks)));
}
