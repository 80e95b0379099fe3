// The command line of the benchmark.

import { parseArgs } from 'node:util';
import type { Isa } from '../binding.js';

export interface Options {
  readonly threads: readonly number[];
  /** null: every instruction set of this machine. */
  readonly isas: readonly Isa[] | null;
  readonly layers: readonly string[];
  readonly filter: string | null;
  readonly contenders: readonly string[] | null;
  readonly rounds: number;
  readonly milliseconds: number;
  readonly json: string | null;
  readonly markdown: string | null;
  readonly quick: boolean;
}

export const help = `npm run bench -- [options]

Times convolution layers on every backend and instruction set of this machine, and against the peers
installed in bench/ (ONNXRUNTIME_NODE_INSTALL=skip npm ci --ignore-scripts).

  --quick              the best instruction set, onnxruntime and no slow contenders, 7 rounds; under 3 minutes
  --threads 1,2        thread counts, one after the other (1)
  --isa LIST           instruction sets: scalar, avx2, avx512, neon (all that this machine has)
  --layers FILES       comma-separated files of layers (bench/layers/foundation.txt, bench/layers/typescript.txt)
  --filter TEXT        only layers whose name or class contains TEXT (several: comma-separated)
  --contenders LIST    instead of the usual ones: convkit:ISA, convkit:ISA:nchw, convkit:ISA:winograd,
                       convkit:ISA:side-by-side, convkit:reference, plain, onnxruntime, onnxruntime:kept,
                       onnxruntime:nospin, tfjs
  --rounds N           rounds (15)
  --milliseconds N     how long a contender runs in each round, one call at least (40)
  --json FILE          where results go (bench/results/DATE.local.json)
  --markdown FILE      the tables as Markdown too
  --help
`;

const ISAS: readonly Isa[] = ['scalar', 'avx2', 'avx512', 'neon'];

/** @throws TypeError | RangeError where an option is unknown or its value makes no sense; null for --help. */
export function parseOptions(argv: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      threads: { type: 'string', default: '1' },
      isa: { type: 'string' },
      layers: { type: 'string' },
      filter: { type: 'string' },
      contenders: { type: 'string' },
      rounds: { type: 'string' },
      milliseconds: { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const list = (text: string | undefined): string[] | null => text?.split(',').filter(Boolean) ?? null;
  return {
    threads: (list(values.threads) ?? []).map((text) => whole('--threads', text)),
    isas: list(values.isa)?.map(isa) ?? null,
    layers: list(values.layers) ?? ['bench/layers/foundation.txt', 'bench/layers/typescript.txt'],
    filter: values.filter ?? null,
    contenders: list(values.contenders),
    rounds: whole('--rounds', values.rounds ?? (values.quick ? '7' : '15')),
    milliseconds: whole('--milliseconds', values.milliseconds ?? '40'),
    json: values.json ?? null,
    markdown: values.markdown ?? null,
    quick: values.quick,
  };
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${option} takes a whole number from 1, not '${text}'`);
  return value;
}

function isa(text: string): Isa {
  const found = ISAS.find((name) => name === text);
  if (found === undefined) throw new RangeError(`--isa takes ${ISAS.join(', ')}, not '${text}'`);
  return found;
}
