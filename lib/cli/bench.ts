// `convkit bench`: how fast convolution layers and whole networks are here, on every engine and number of threads asked for.

import { availableParallelism } from 'node:os';
import type { Isa } from '../../binding.js';
import { active, info, setThreads, use } from '../backend/index.js';
import { show, wrongValue } from '../errors.js';
import { convkitVersion } from '../extract/manifest.js';
import { Progress } from '../extract/progress.js';
import { type Column, printTable } from '../graph/table.js';
import { manualSeed } from '../numerics/philox.js';
import { parsedArguments } from './arguments.js';
import { LAYERS, layerSubject, NETWORKS, networkSubject, type Subject } from './bench-subjects.js';
import { inputSizes, networkNamed } from './network.js';
import { withSentence } from './sentence.js';

export const help = `convkit bench [networks...] [options]

Times convolutions on this machine. Without networks: nineteen layers of published ones, each alone, channels-last. With
networks: each compiled, with random weights where the file has none. Nothing is compared here with other libraries: the
repository's bench/ does that, in turns and with every result checked.

  networks               torchvision's names, as resnet50, or .onnx and layers.json files as convkit summary takes them
  --models               ${NETWORKS.slice(0, 5).join(', ')},
                         ${NETWORKS.slice(5).join(', ')}
  --filter <text>        only layers whose name has it, as 3x3 or depthwise
  -i, --input <sizes>    the shape of the input of every network, as 8x3x224x224; default what each was published for
  --batch <n>            images at a time, default 1
  --threads <list>       as 1,2; default all that this process may use
  --isa <list>           as avx2,avx512, or reference for the TypeScript backend; default the best
  --rounds <n>           default 9
  --milliseconds <n>     how long a round takes, one call at least, default 40
  --json                 everything as one JSON object
  --help

Examples:
  convkit bench
  convkit bench --models --threads 1,2
  convkit bench mobilenet_v2 network.onnx --batch 8 --isa avx2

A time is the median over rounds of each round's median call; +- is half the distance between the quartiles of the rounds.
Speed counts the multiplications of direct sums, so that Winograd's can exceed the peak, which is measured beside it.

Exit codes: 0 done; 1 nothing measured (wrong arguments, a file that cannot be read, an engine that is not there).
`;

const options = {
  models: { type: 'boolean', default: false },
  filter: { type: 'string' },
  input: { type: 'string', short: 'i' },
  batch: { type: 'string' },
  threads: { type: 'string' },
  isa: { type: 'string' },
  rounds: { type: 'string' },
  milliseconds: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const ENGINES = ['reference', 'scalar', 'avx2', 'avx512', 'neon'] as const;
type Engine = 'reference' | Isa;

interface Timing {
  readonly name: string;
  readonly engine: string;
  readonly threads: number;
  /** How it was computed. */
  readonly by: string;
  readonly flops: number;
  readonly milliseconds: number;
  /** Half the distance between the quartiles, as a share of the median. */
  readonly spread: number;
  /** 10^9 operations a second. */
  readonly gflops: number;
  /** Of the threads' FMA peak; null on the TypeScript backend. */
  readonly share: number | null;
}

/** Runs the command. Gives the exit code; everything foreseeable is reported on stderr, nothing is thrown. */
export function run(argv: readonly string[]): Promise<number> {
  return withSentence('bench', async () => {
    process.stdout.write(await measured(argv));
    return 0;
  });
}

async function measured(argv: readonly string[]): Promise<string> {
  const { values, positionals } = parsed(argv);
  if (values.help) return help;
  const plan = {
    rounds: whole(values.rounds, 'rounds', 9, 1000),
    milliseconds: whole(values.milliseconds, 'milliseconds', 40, 60_000),
  };
  const engines = enginesOf(values.isa);
  const threads = threadsOf(values.threads);
  const subjects = await subjectsOf(values, positionals);

  const timings: Timing[] = [];
  const progress = new Progress(
    process.stderr,
    subjects.length * engines.length * threads.length,
    true,
    'subjects',
  );
  for (const engine of engines) {
    if (engine === 'reference') use('reference');
    else if (engine !== null) use('native', { isa: engine });
    for (const count of info().name === 'reference' ? [1] : threads) {
      setThreads(count);
      for (const subject of subjects) {
        timings.push(await timed(subject, plan));
        progress.update(timings.length);
      }
    }
  }
  progress.clear();
  if (!values.json) return printed(timings);
  const { name, isa, numerics } = info();
  const about = {
    convkit: convkitVersion(),
    node: process.version,
    processor: active().cpu().brand,
    numerics,
  };
  return `${JSON.stringify({ ...about, backend: name, isa, ...plan, timings }, null, 2)}\n`;
}

async function timed(subject: Subject, plan: { rounds: number; milliseconds: number }): Promise<Timing> {
  const { run, by, close } = await subject.ready();
  run(); // packs, and warms up
  const rounds: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    const calls: number[] = [];
    const end = performance.now() + plan.milliseconds;
    do {
      const start = performance.now();
      run();
      calls.push(performance.now() - start);
    } while (performance.now() < end);
    rounds.push(quantile(calls, 0.5));
  }
  await close();
  const { isa, threads } = info();
  const milliseconds = quantile(rounds, 0.5);
  const gflops = subject.flops / milliseconds / 1e6;
  const peak = isa === null ? null : (active().measurePeak(0.02) / 1e9) * threads;
  return {
    name: subject.name,
    engine: isa ?? 'reference',
    threads,
    by,
    flops: subject.flops,
    milliseconds,
    spread: (quantile(rounds, 0.75) - quantile(rounds, 0.25)) / 2 / milliseconds,
    gflops,
    share: peak === null ? null : gflops / peak,
  };
}

const COLUMNS: readonly Column<Timing>[] = [
  { title: 'What', right: false, cell: ({ name }) => name },
  { title: 'Engine', right: false, cell: ({ engine }) => engine },
  { title: 'Threads', right: true, cell: ({ threads }) => String(threads) },
  { title: 'By', right: false, cell: ({ by }) => by },
  { title: 'GFLOP', right: true, cell: ({ flops }) => (flops / 1e9).toFixed(3) },
  { title: 'ms', right: true, cell: ({ milliseconds }) => milliseconds.toFixed(3) },
  { title: '+-', right: true, cell: ({ spread }) => `${(100 * spread).toFixed(0)} %` },
  { title: 'GF/s', right: true, cell: ({ gflops }) => gflops.toFixed(1) },
  {
    title: 'Of peak',
    right: true,
    cell: ({ share }) => (share === null ? '--' : `${(100 * share).toFixed(0)} %`),
  },
];

const printed = (timings: readonly Timing[]): string =>
  `${printTable(timings, COLUMNS)}\n${active().cpu().brand || 'unknown processor'}, Node ${process.version}, convkit ${convkitVersion()}\n`;

async function subjectsOf(
  values: ReturnType<typeof parsed>['values'],
  positionals: readonly string[],
): Promise<Subject[]> {
  const batch = values.batch === undefined ? undefined : whole(values.batch, 'batch', 1, 100_000);
  const names = [...positionals, ...(values.models ? NETWORKS : [])];
  if (names.length === 0) {
    if (values.input !== undefined) throw wrongValue('bench', '--input is for networks, and none was named');
    const { filter = '' } = values;
    const plans = LAYERS.filter(({ name }) => name.includes(filter));
    if (plans.length > 0) return plans.map((plan) => layerSubject(plan, batch ?? 1));
    const known = LAYERS.map(({ name }) => name).join(', ');
    throw wrongValue('bench', `no layer's name has ${show(filter)}`, `the layers are ${known}`);
  }
  if (values.filter !== undefined)
    throw wrongValue('bench', '--filter is for layers, and networks were named');
  if (values.input !== undefined && batch !== undefined) {
    throw wrongValue(
      'bench',
      'received both --input and --batch',
      "the first of --input's sizes is the batch",
    );
  }
  const subjects: Subject[] = [];
  for (const name of names) {
    manualSeed(0);
    const { net, inputShape } = await networkNamed(name, 'bench');
    const sizes = values.input === undefined ? inputShape : inputSizes(values.input, 'bench');
    if (sizes === undefined) {
      throw wrongValue('bench', `${name} does not say what it takes`, 'give --input, such as 1x3x224x224');
    }
    subjects.push(networkSubject(name, net, batch === undefined ? sizes : [batch, ...sizes.slice(1)]));
  }
  return subjects;
}

const parsed = (argv: readonly string[]) => parsedArguments('bench', argv, options);

/** null: the one that is chosen where nothing is said. */
function enginesOf(text: string | undefined): (Engine | null)[] {
  if (text === undefined) return [null];
  return text.split(',').map((word) => {
    const engine = ENGINES.find((name) => name === word.trim());
    if (engine === undefined)
      throw wrongValue('bench', `--isa must be some of ${ENGINES.join(', ')}, received ${show(word)}`);
    return engine;
  });
}

const threadsOf = (text: string | undefined): number[] =>
  text === undefined
    ? [info().threads]
    : text.split(',').map((word) => whole(word.trim(), 'threads', availableParallelism(), 1024));

function whole(text: string | undefined, name: string, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw wrongValue('bench', `--${name} must be a whole number from 1 to ${most}, received ${show(text)}`);
}

/** The value below which a share `q` of the values lies. */
function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
}
