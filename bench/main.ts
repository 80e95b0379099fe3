// npm run bench: reads the layers, plays the matches, prints the tables, writes the results.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Isa } from '../binding.js';
import { isSlow } from './contenders/index.js';
import { askOnce, askSideBySide, Entrant } from './entrants.js';
import { type Layer, parseLayers, type Target } from './layer.js';
import { root } from './library.js';
import { type Environment, environment } from './machine.js';
import { type MatchResult, play, usualContenders } from './match.js';
import { help, type Options, parseOptions } from './options.js';
import { type RunResult, tables } from './report.js';
import { asMarkdown, asText, type Table } from './table.js';

/** Far more than any cache holds. */
const BANDWIDTH_BYTES = 2 ** 28;
const BANDWIDTH_SECONDS = 0.4;

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options === null) {
    process.stdout.write(help);
    return 0;
  }
  const { layers, targets } = readLayers(options);
  const where = environment(await askOnce('report', {}));
  const isas = chooseIsas(options, where.engine.supported);
  announce(where, layers.length);
  const runs: RunResult[] = [];
  for (const threads of options.threads) runs.push(await measure(layers, options, isas, threads));
  const results = runs.flatMap((run) => tables(run, isas.at(-1) ?? null, { classes: targets }));
  process.stdout.write(`\n${results.map(asText).join('\n')}`);
  save(options, where, runs, results);
  const wrong = runs.some(({ matches }) => matches.some((match) => match.wrong.length > 0));
  return wrong ? 1 : 0;
}

function readLayers({ layers: files, filter }: Options): { layers: Layer[]; targets: Map<string, Target> } {
  const read = files.map((file) => {
    const path = resolve(file.startsWith('bench/') ? fileURLToPath(new URL(file, root)) : file);
    return parseLayers(readFileSync(path, 'utf8'), file);
  });
  const wanted = filter?.split(',') ?? [''];
  const layers = read
    .flatMap((file) => file.layers)
    .filter((layer) => wanted.some((text) => layer.name.includes(text) || layer.class.includes(text)));
  if (layers.length === 0) throw new RangeError(`no layer matches --filter ${filter}`);
  return { layers, targets: new Map(read.flatMap((file) => [...file.targets])) };
}

function chooseIsas({ isas, quick }: Options, supported: readonly Isa[]): Isa[] {
  const missing = isas?.filter((isa) => !supported.includes(isa)) ?? [];
  if (missing.length > 0)
    throw new RangeError(
      `${missing.join(', ')} cannot run here; supported: ${supported.join(', ') || 'none'}`,
    );
  if (quick && isas === null) return supported.slice(-1);
  return supported.filter((isa) => isas === null || isas.includes(isa));
}

async function measure(
  layers: readonly Layer[],
  options: Options,
  isas: readonly Isa[],
  threads: number,
): Promise<RunResult> {
  const contenders =
    options.contenders ?? usualContenders(isas, threads).filter((name) => !(options.quick && isSlow(name)));
  const meters = Array.from({ length: threads }, () => new Entrant());
  const matches: MatchResult[] = [];
  const excuses = new Set<string>();
  try {
    let bandwidth = await measureBandwidth(threads);
    for (const [index, layer] of layers.entries()) {
      const plan = { threads, contenders, isas, rounds: options.rounds, milliseconds: options.milliseconds };
      const match = await play(layer, plan, meters);
      matches.push(match);
      for (const reason of Object.values(match.absent))
        if (reason.includes('does not load')) excuses.add(reason);
      const state = match.wrong.length > 0 ? `WRONG: ${match.wrong.join('; ')}` : 'verified, timed';
      process.stderr.write(`[${index + 1}/${layers.length}, ${threads} thread(s)] ${layer.name}: ${state}\n`);
    }
    bandwidth = Math.max(bandwidth, await measureBandwidth(threads));
    for (const reason of excuses) process.stderr.write(`note: ${reason}\n`);
    return { threads, bandwidth, matches };
  } finally {
    for (const meter of meters) meter.end();
  }
}

async function measureBandwidth(threads: number): Promise<number> {
  const rates = await askSideBySide(threads, 'bandwidth', {
    bytes: BANDWIDTH_BYTES,
    seconds: BANDWIDTH_SECONDS,
  });
  return rates.reduce((sum, { rate }) => sum + rate, 0);
}

function announce(where: Environment, layers: number): void {
  const { engine } = where;
  process.stderr.write(
    `convkit at ${where.commit}${where.modified ? ' (modified)' : ''}, ${engine.name} backend, ${engine.supported.join(' ') || 'no instruction sets'}\n` +
      `${where.processor}, ${where.cores} cores, Node ${where.node}, compiler ${where.compiler}, ${layers} layers\n`,
  );
  if (engine.name !== 'native')
    process.stderr.write(`note: no native engine (${engine.reason}); npm run build:native builds it\n`);
}

function save(
  options: Options,
  where: Environment,
  runs: readonly RunResult[],
  results: readonly Table[],
): void {
  const day = where.date.slice(0, 10);
  const json = options.json ?? fileURLToPath(new URL(`bench/results/${day}.local.json`, root));
  mkdirSync(dirname(resolve(json)), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ environment: where, options, runs }, null, 1)}\n`);
  process.stderr.write(`results in ${json}\n`);
  if (options.markdown === null) return;
  const heading = [
    `# Benchmark of ${day}`,
    '',
    `${where.processor}, ${where.cores} cores, ${where.memoryGiB} GiB; ${where.system}; Node ${where.node}; compiler ${where.compiler};`,
    `commit ${where.commit}${where.modified ? ' (with local changes)' : ''}; peers: ${peers(runs).join(', ') || 'none'}.`,
    `Command: \`npm run bench -- ${process.argv.slice(2).join(' ')}\`. ${options.rounds} rounds of ${options.milliseconds} ms; priority ${where.priority}, load before the run ${where.load.toFixed(1)}.`,
    '',
  ];
  writeFileSync(options.markdown, `${heading.join('\n')}\n${results.map(asMarkdown).join('\n')}`);
}

function peers(runs: readonly RunResult[]): string[] {
  const named = runs.flatMap(({ matches }) =>
    matches.flatMap(({ timings }) =>
      timings
        .filter(({ contender }) => contender === 'onnxruntime' || contender === 'tfjs')
        .map(({ contender, version }) => `${contender} ${version}`),
    ),
  );
  return [...new Set(named)];
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
