// The command line of the benchmark.

import { parseArgs } from 'node:util';
import type { Isa } from '../binding.js';
import { layerFiles, MODELS } from './layer-files.js';

/** What is measured, and how: enough to measure it again. */
export interface RunOptions {
  readonly threads: readonly number[];
  /** null: every instruction set of this machine. */
  readonly isas: readonly Isa[] | null;
  /** Files, relative to the repository where they are its own. */
  readonly layers: readonly string[];
  /** Only layers whose name or class contains one of these; null: all. */
  readonly filter: readonly string[] | null;
  /** null: the usual ones. */
  readonly contenders: readonly string[] | null;
  readonly rounds: number;
  readonly milliseconds: number;
  /** Scalar code and JavaScript skip layers of more operations; null: they take all. */
  readonly slowFlops: number | null;
  /** Training steps, and the gradients of the layers, instead of their forward passes; absent: false. */
  readonly training?: boolean;
}

export interface Options extends RunOptions {
  /** The program that runs PyTorch. */
  readonly python: string;
  /** Best instruction set only, and no slow contenders. */
  readonly quick: boolean;
  /** The official runs, those that are not there yet. */
  readonly all: boolean;
  /** The official runs, though they are there. */
  readonly fresh: boolean;
  /** Results files to show instead of measuring. */
  readonly from: readonly string[] | null;
  readonly compare: string | null;
  readonly json: string | null;
  readonly markdown: string | null;
  readonly html: string | null;
  /** Time a small layer's call instead. */
  readonly smallCall: boolean;
  /** Write the README's table from the kept results. */
  readonly readme: boolean;
  /** Whole networks instead of layers, by name, none for all; null: layers. */
  readonly networks: readonly string[] | null;
  /** Images at a time, of whole networks. */
  readonly batches: readonly number[];
  /** Fresh processes that load each network. */
  readonly loads: number;
}

export const help = `npm run bench -- [options]

Times convolution layers on every backend and instruction set of this machine, and against the peers
installed in bench/ (ONNXRUNTIME_NODE_INSTALL=skip npm ci --ignore-scripts).

  --quick              the best instruction set, onnxruntime and no slow contenders, 7 rounds; about a minute
  --all                the official runs, about 25 minutes: bench/results/*.json, .md and report.html, and the
                       README's table; a run that was cut off goes on, one that is complete is left alone
  --fresh              with --all: measure everything again

  --training           training steps of three networks, and each layer forward and backward, beside PyTorch

  --threads 1,2        thread counts, one after the other (1)
  --isa LIST           instruction sets: scalar, avx2, avx512, neon (all that this machine has)
  --layers LIST        files of layers, by name or path (foundation); 'models' for ${MODELS.join(', ')}
  --filter LIST        only layers whose name or class contains one of these
  --contenders LIST    instead of the usual ones: convkit:ISA, convkit:ISA:nchw, convkit:ISA:direct,
                       convkit:ISA:winograd, convkit:ISA:side-by-side, convkit:reference, plain, onnxruntime,
                       onnxruntime:kept, onnxruntime:nospin, torch, torch:channelsLast, tfjs, tfjs:wasm
  --python PROGRAM     a Python that has torch (CONVKIT_BENCH_PYTHON, or python3)
  --rounds N           rounds (15; quick 7)
  --milliseconds N     how long a contender runs in each round, one call at least (40)
  --slow-gflop N       scalar code and JavaScript skip layers of more operations (0.25)

  --json FILE          where results go (bench/results/DATE.local.json)
  --markdown FILE      the tables as Markdown too
  --html FILE          a report with its roofline, in one file
  --compare FILE       beside older results: what became faster or slower, and what is noise
  --from FILES         measure nothing, show these results
  --readme             measure nothing, write the README's table and report.html from bench/results
  --small-call         only what a call of a small layer costs

  --networks LIST      whole networks instead of layers: sessions beside onnxruntime on the same network; 'all' for
                       all. --python names a Python that has torchvision, to export them once (bench/networks/cache).
                       Contenders: onnxruntime, convkit, convkit:onnx (the same file), convkit:exact (nothing folded)
  --batches 1,8        images at a time (1,8)
  --loads N            fresh processes that load each network (3)
  --help
`;

const ISAS: readonly Isa[] = ['scalar', 'avx2', 'avx512', 'neon'];

/** @throws TypeError | RangeError where an option is unknown or its value makes no sense; null for --help. */
export function parseOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Options | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
      training: { type: 'boolean', default: false },
      'small-call': { type: 'boolean', default: false },
      threads: { type: 'string', default: '1' },
      isa: { type: 'string' },
      layers: { type: 'string', default: 'foundation' },
      filter: { type: 'string' },
      contenders: { type: 'string' },
      python: { type: 'string' },
      rounds: { type: 'string' },
      milliseconds: { type: 'string', default: '40' },
      'slow-gflop': { type: 'string', default: '0.25' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      html: { type: 'string' },
      compare: { type: 'string' },
      networks: { type: 'string' },
      batches: { type: 'string', default: '1,8' },
      loads: { type: 'string', default: '3' },
      from: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  return {
    threads: listed(values.threads).map((text) => whole('--threads', text)),
    isas: values.isa === undefined ? null : listed(values.isa).map(isa),
    layers: layerFiles(listed(values.layers)),
    filter: values.filter === undefined ? null : listed(values.filter),
    contenders: values.contenders === undefined ? null : listed(values.contenders),
    rounds: whole('--rounds', values.rounds ?? (values.quick ? '7' : '15')),
    milliseconds: whole('--milliseconds', values.milliseconds),
    slowFlops: positive('--slow-gflop', values['slow-gflop']) * 1e9,
    python: values.python ?? environment.CONVKIT_BENCH_PYTHON ?? 'python3',
    training: values.training,
    quick: values.quick,
    all: values.all,
    fresh: values.fresh,
    readme: values.readme,
    smallCall: values['small-call'],
    from: values.from === undefined ? null : listed(values.from),
    compare: values.compare ?? null,
    networks: values.networks === undefined ? null : listed(values.networks.replace(/^all$/, '')),
    batches: listed(values.batches).map((text) => whole('--batches', text)),
    loads: whole('--loads', values.loads),
    json: values.json ?? null,
    markdown: values.markdown ?? null,
    html: values.html ?? null,
  };
}

const listed = (text: string): string[] => text.split(',').filter(Boolean);

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${option} takes a whole number from 1, not '${text}'`);
  return value;
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`${option} takes a positive number, not '${text}'`);
  return value;
}

function isa(text: string): Isa {
  const found = ISAS.find((name) => name === text);
  if (found === undefined) throw new RangeError(`--isa takes ${ISAS.join(', ')}, not '${text}'`);
  return found;
}
