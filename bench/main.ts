// npm run bench: measures, or takes what was measured, and shows it as tables, a report, a comparison or the README's block.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { comparison } from './compare.js';
import { page } from './html/page.js';
import { root } from './library.js';
import { networkTables } from './networks/report.js';
import { measureNetworks } from './networks/run.js';
import { keptNetworks, keptResults, measureAll } from './official.js';
import { help, type Options, parseOptions } from './options.js';
import { writeReadme } from './readme.js';
import { asMarkdownPage, tablesOf } from './report.js';
import { type Results, readResults } from './results.js';
import { measure } from './run.js';
import { smallCalls } from './small-call.js';
import { asMarkdown, asText } from './table.js';

const REPORT = fileURLToPath(new URL('bench/results/report.html', root));

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options === null) {
    process.stdout.write(help);
    return 0;
  }
  if (options.smallCall) {
    process.stdout.write((await smallCalls()).map(asText).join('\n'));
    return 0;
  }
  if (options.networks !== null) {
    const { networks, threads, batches, contenders, rounds, milliseconds, loads } = options;
    const plan = { networks, threads, batches, contenders, rounds, milliseconds, loads };
    const json = options.json ?? fileURLToPath(new URL('bench/results/networks.local.json', root));
    const { results } = await measureNetworks(plan, { ...options, json, command: commandOf(argv) });
    const tables = networkTables(results);
    process.stdout.write(`\n${tables.map(asText).join('\n')}`);
    if (options.markdown !== null) writeFileSync(options.markdown, tables.map(asMarkdown).join('\n'));
    return results.some(({ wrong }) => wrong.length > 0) ? 1 : 0;
  }
  if (options.all) await measureAll(options);
  if (options.all || options.readme) {
    const kept = keptResults();
    writeReadme(kept, keptNetworks());
    writeFileSync(REPORT, page([...kept.values()]));
    return [...kept.values()].some(isWrong) ? 1 : 0;
  }
  const all = options.from?.map(readResults) ?? [await measureNow(options, argv)];
  for (const results of all) process.stdout.write(`\n${tablesOf(results).map(asText).join('\n')}`);
  if (options.markdown !== null) writeFileSync(options.markdown, all.map(asMarkdownPage).join('\n'));
  if (options.html !== null) writeFileSync(options.html, page(all));
  if (options.compare !== null) {
    const before = readResults(options.compare);
    for (const after of all) process.stdout.write(`\n${comparison(before, after).map(asText).join('\n')}`);
  }
  return all.some(isWrong) ? 1 : 0;
}

/** The command that results record: without the place of a program on this machine. */
function commandOf(argv: readonly string[]): string {
  const told = argv.filter((word, at) => !/^--python(=|$)/.test(word) && argv[at - 1] !== '--python');
  return ['npm run bench --', ...told].join(' ');
}

async function measureNow(options: Options, argv: readonly string[]): Promise<Results> {
  const { threads, isas, layers, filter, contenders, rounds, milliseconds, slowFlops, quick, python } =
    options;
  const { training } = options;
  const day = new Date().toISOString().slice(0, 10);
  const json = options.json ?? fileURLToPath(new URL(`bench/results/${day}.local.json`, root));
  const run = { threads, isas, layers, filter, contenders, rounds, milliseconds, slowFlops, training };
  return measure(run, { command: commandOf(argv), json, quick, python });
}

const isWrong = ({ runs }: Results): boolean =>
  runs.some(({ matches }) => matches.some(({ wrong }) => wrong.length > 0));

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
