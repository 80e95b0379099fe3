// `convkit doctor`: what runs underneath here, why, whether it computes the right bits, and how fast it is.

import { availableParallelism } from 'node:os';
import type { Isa } from '../../binding.js';
import { active, info, setThreads, use } from '../backend/index.js';
import { show, wrongValue } from '../errors.js';
import * as nn from '../nn/index.js';
import { Tensor } from '../tensor/tensor.js';
import { parsedArguments } from './arguments.js';
import { libc } from './libc.js';
import { containerQuota } from './quota.js';
import { PINNED, selfTest } from './self-test.js';
import { withSentence } from './sentence.js';

export const help = `convkit doctor [--json]

Shows which engine computes here and why, what the processor and the container offer, checks the engine's
results on every instruction set against the pinned hash, and measures its speed.

  --json    everything as one JSON object
  --help

Exit codes: 0 healthy; 1 an engine gives wrong results, or the one demanded is missing; 2 it works, but not as
it should: slowly, for want of a binary, or with subnormal numbers flushed to zero.
`;

/** Everything doctor finds out; `problems` and `wrong` are sentences. */
export interface Diagnosis {
  readonly versions: {
    readonly node: string;
    readonly napi: string;
    readonly modules: string;
    readonly numerics: number;
  };
  readonly platform: string;
  readonly libc: string;
  readonly processor: {
    readonly brand: string;
    readonly features: readonly string[];
    readonly available: number;
  };
  readonly backend: ReturnType<typeof info>;
  readonly supported: readonly Isa[];
  /** Processors' worth of time and the file that says so; null where nothing limits it. */
  readonly quota: ReturnType<typeof containerQuota>;
  readonly selfTest: { readonly pinned: string; readonly found: Readonly<Record<string, string>> };
  /**
   * GFLOP/s; of a 3x3 convolution of 64 channels on 56 x 56 by direct sums, which do what is counted, and of the multiply-add
   * alone, the best of a moment before and one after.
   */
  readonly speed: { readonly peak: number; readonly oneThread: number; readonly allThreads: number };
  /** Makes results wrong. */
  readonly wrong: readonly string[];
  /** Makes it slow, or different from elsewhere. */
  readonly problems: readonly string[];
}

const options = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs the command. Gives the exit code; everything foreseeable is reported on stderr, nothing is thrown. */
export function run(argv: readonly string[]): Promise<number> {
  return withSentence('doctor', async () => {
    const { values, positionals } = parsedArguments('doctor', argv, options);
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    if (positionals.length > 0) {
      throw wrongValue(
        'doctor',
        `takes options alone, received ${show(positionals[0])}`,
        'see convkit doctor --help',
      );
    }
    const diagnosis = diagnose();
    process.stdout.write(values.json ? `${JSON.stringify(diagnosis, null, 2)}\n` : report(diagnosis));
    return exitCodeOf(diagnosis);
  });
}

/** 0 healthy, 1 wrong, 2 working but not as it should. */
export function exitCodeOf({ wrong, problems }: Pick<Diagnosis, 'wrong' | 'problems'>): number {
  if (wrong.length > 0) return 1;
  return problems.length > 0 ? 2 : 0;
}

/** Looks at everything once; takes about two seconds. */
function diagnose(): Diagnosis {
  const backend = info();
  const cpu = active().cpu();
  const native = backend.name === 'native';
  const found = testEverySet(native ? cpu.supported : [], backend.isa);
  const wrong = Object.entries(found)
    .filter(([, hash]) => hash !== PINNED)
    .map(([name, hash]) => `the self-test on ${name} gives ${hash}, not the pinned ${PINNED}`);
  const problems: string[] = [];
  if (!native && process.env.CONVKIT_BACKEND !== 'reference')
    problems.push(
      `the TypeScript backend computes, a hundred times slower than the native one: ${backend.reason}`,
    );
  if (backend.subnormals === 'flushed')
    problems.push(
      'subnormal numbers are flushed to zero: a library built with fast-math changed this process',
    );
  return {
    versions: {
      node: process.version,
      napi: process.versions.napi ?? 'none',
      modules: process.versions.modules,
      numerics: backend.numerics,
    },
    platform: `${process.platform}-${process.arch}`,
    libc: libc(),
    processor: { brand: cpu.brand, features: cpu.features, available: availableParallelism() },
    backend,
    supported: cpu.supported,
    quota: containerQuota(),
    selfTest: { pinned: PINNED, found },
    speed: measureSpeed(backend.threads),
    wrong,
    problems,
  };
}

/** The self-test's hash on the reference and on each instruction set; the choice made before stays. */
function testEverySet(supported: readonly Isa[], chosen: Isa | null): Record<string, string> {
  const found: Record<string, string> = {};
  use('reference');
  found.reference = selfTest();
  for (const isa of supported) {
    use('native', { isa });
    found[isa] = selfTest();
  }
  if (chosen !== null) use('native', { isa: chosen });
  return found;
}

function measureSpeed(threads: number): Diagnosis['speed'] {
  const size = 56;
  const channels = 64;
  const flops = 2 * size * size * channels * channels * 9;
  const conv = new nn.Conv2d(channels, channels, 3, { padding: 1, algorithm: 'direct' });
  const x = Tensor.randn([1, channels, size, size], { seed: 1 }).channelsLast();
  const rate = (count: number): number => {
    setThreads(count);
    const times: number[] = [];
    const end = performance.now() + 300;
    do {
      const start = performance.now();
      conv.forward(x);
      times.push(performance.now() - start);
    } while (performance.now() < end);
    times.sort((a, b) => a - b);
    return flops / times[times.length >> 1] / 1e6;
  };
  const peak = (): number => active().measurePeak(0.1) / 1e9;
  rate(1); // warms up
  const before = peak();
  const oneThread = rate(1);
  const after = peak();
  return { peak: Math.max(before, after), oneThread, allThreads: rate(threads) };
}

function report(diagnosis: Diagnosis): string {
  const { versions, processor, backend, supported, quota, speed, selfTest: test } = diagnosis;
  const hashes = Object.entries(test.found).map(
    ([name, hash]) => `${name} ${hash === test.pinned ? 'ok' : 'WRONG'}`,
  );
  const rows: [string, string][] = [
    ['backend', backend.name === 'native' ? `native, ${backend.isa}` : `reference (${backend.reason})`],
    ['binary', backend.binary ?? 'none'],
    ['instruction sets', supported.join(', ') || 'none'],
    ['processor', processor.brand || 'unknown'],
    ['features', processor.features.join(' ') || 'none known'],
    ['threads', `${backend.threads} (${backend.threadsFrom}); ${processor.available} processors available`],
    ['container limit', quota === null ? 'none' : `${quota.processors} processors (${quota.source})`],
    ['platform', `${diagnosis.platform}, ${diagnosis.libc}`],
    [
      'versions',
      `Node ${versions.node}, Node-API ${versions.napi}, ABI ${versions.modules}, numerics ${versions.numerics}`,
    ],
    ['subnormals', backend.subnormals],
    ['self-test', `${hashes.join(', ')}; SHA-256 ${test.pinned}`],
    [
      'speed',
      `${speed.oneThread.toFixed(1)} GFLOP/s of direct sums on one thread (FMA peak ${speed.peak.toFixed(1)}), ${speed.allThreads.toFixed(1)} on ${backend.threads}`,
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
  const verdict = [
    ...diagnosis.wrong.map((text) => `WRONG: ${text}`),
    ...diagnosis.problems.map((text) => `PROBLEM: ${text}`),
  ];
  return `${[...lines, ...(verdict.length > 0 ? verdict : ['healthy'])].join('\n')}\n`;
}
