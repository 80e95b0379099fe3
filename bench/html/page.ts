// The report: one HTML file with everything inside, drawn from results and nothing else.

import { BASELINE } from '../contenders/index.js';
import { readTargets, type Target } from '../layer-files.js';
import type { MatchResult } from '../match.js';
import { SET_TITLES } from '../readme.js';
import { tablesOf } from '../report.js';
import type { Results, RunResult } from '../results.js';
import { groupedBy, groupOf, mainIsa, speedup, threadsText, timingOf } from '../summary.js';
import type { Table } from '../table.js';
import { PYTORCH, withFaster } from '../training/report.js';
import { STEP_CLASS, TARGETS } from '../training/subjects.js';
import { legend, roofline } from './roofline.js';
import { type Strip, strips } from './strips.js';
import { STYLE } from './style.js';
import { escaped } from './svg.js';

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** Layers in rows of their own; beyond it the tables have to do. */
const MOST_ROWS = 60;

/** All results as one page. */
export function page(all: readonly Results[]): string {
  const runs = all.flatMap((results) =>
    results.runs.map((run) => ({ results, run: results.options.training ? withFaster(run) : run })),
  );
  const { environment: where } = all[0];
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>convkit beside onnxruntime</title><style>${STYLE}</style></head><body><main>`,
    '<h1>convkit beside onnxruntime</h1>',
    `<p class="soft">Single convolutions of real networks, each verified before it was timed. ${escaped(where.processor)}, ${where.cores} cores, ` +
      `${where.memoryGiB} GiB, Node ${escaped(where.node)}, ${escaped(where.date.slice(0, 10))}, commit <code>${escaped(where.commit)}</code>${where.modified ? ' with local changes' : ''}.</p>`,
    cards(runs.map(({ run }) => run)),
    ...runs.map(({ results, run }) => section(results, run)),
    footer(all),
    '</main></body></html>\n',
  ].join('\n');
}

const oursOf = (run: RunResult): string => `convkit:${mainIsa(run) ?? 'reference'}`;

function cards(runs: readonly RunResult[]): string {
  const compared = runs.filter((run) => mainIsa(run) !== null && has(run, BASELINE));
  const means = compared.map((run) => {
    const { mean, count } = groupOf('', run.matches, oursOf(run));
    return card(
      `${mean.toFixed(2)} x`,
      `${titleOf(run)}, ${threadsText(run.threads)}: mean of ${count} layers`,
      mean < 1,
    );
  });
  const ratios = compared.flatMap((run) => run.matches.map((match) => speedup(match, BASELINE, oursOf(run))));
  const timed = ratios.filter(Number.isFinite);
  const lost = timed.filter((ratio) => ratio < 1).length;
  if (timed.length > 0)
    means.push(card(`${lost} of ${timed.length}`, 'timings in which onnxruntime was faster', lost > 0));
  return `<div class="cards">${means.join('')}</div>`;
}

const card = (value: string, meaning: string, losing: boolean): string =>
  `<div class="card${losing ? ' loss' : ''}"><b>${escaped(value)}</b><span>${escaped(meaning)}</span></div>`;

const has = ({ matches }: RunResult, contender: string): boolean =>
  matches.some((match) => timingOf(match, contender) !== undefined);

/** The networks of a run, or the name of its one set. */
function titleOf({ matches }: RunResult): string {
  const sets = [...groupedBy(matches, 'set').keys()];
  if (sets.length > 1) return `${NUMBERS[sets.length] ?? sets.length} networks`;
  if (sets[0] === 'foundation') return 'the layer set';
  if (sets[0] === 'training') return 'training';
  if (sets[0] === 'family') return 'sequences, volumes, transposed layers';
  return SET_TITLES[sets[0]] ?? sets[0] ?? 'layers';
}

function section(results: Results, run: RunResult): string {
  const ours = oursOf(run);
  const theirs = [BASELINE, PYTORCH].find((name) => has(run, name)) ?? 'tfjs';
  const nchw = ours !== 'convkit:reference' && !has(run, ours) && has(run, `${ours}:nchw`);
  const main = nchw ? `${ours}:nchw` : ours;
  const title = ours === 'convkit:reference' ? 'the TypeScript backend' : titleOf(run);
  const timed = run.matches.filter((match) => Number.isFinite(speedup(match, theirs, main)));
  return [
    `<h2>${escaped(title[0].toUpperCase() + title.slice(1))}, ${threadsText(run.threads)}</h2>`,
    `<p class="soft">Times ${escaped(theirs)}, by geometric mean. A dot is a layer, its line the spread of the ratio, dashed a target; right of 1 convkit is faster.</p>`,
    figure(strips(byClass(results, timed), main, theirs, `Ratios to ${theirs} by class`)),
    ...networks(timed, main, theirs),
    losses(timed, main, theirs),
    ...rooflineFigure(run, theirs),
    ...contenders(run, theirs),
    ...rows(timed, main, theirs),
    `<details><summary>The tables</summary>${tablesOf({ ...results, runs: [run] })
      .map(asHtml)
      .join('')}</details>`,
  ].join('\n');
}

const stepTarget: ReadonlyMap<string, Target> = new Map([
  [STEP_CLASS, { ratio: TARGETS.step, layout: 'channelsLast' }],
]);

function byClass({ options }: Results, matches: readonly MatchResult[]): Strip[] {
  const targets = options.training ? stepTarget : readTargets(options.layers);
  return [...groupedBy(matches, 'class')].map(([title, group]) => ({
    title,
    matches: group,
    target: targets.get(title)?.layout === 'channelsLast' ? targets.get(title)?.ratio : undefined,
  }));
}

function networks(matches: readonly MatchResult[], ours: string, theirs: string): string[] {
  const sets = [...groupedBy(matches, 'set')];
  if (sets.length < 2) return [];
  const rows = sets.map(([name, group]) => ({ title: SET_TITLES[name] ?? name, matches: group }));
  return ['<h3>By network</h3>', figure(strips(rows, ours, theirs, `Ratios to ${theirs} by network`))];
}

function losses(matches: readonly MatchResult[], ours: string, theirs: string): string {
  const lost = matches
    .map((match) => ({ match, ratio: speedup(match, theirs, ours) }))
    .filter(({ ratio }) => ratio < 1)
    .sort((a, b) => a.ratio - b.ratio);
  if (lost.length === 0) return `<p>No layer is slower than ${escaped(theirs)}.</p>`;
  const named = lost.map(({ match, ratio }) => `${escaped(match.layer)} ${ratio.toFixed(2)}`).join(', ');
  return `<p class="lost"><strong>Slower than ${escaped(theirs)} on ${lost.length} of ${matches.length} layers:</strong> ${named}</p>`;
}

function rooflineFigure(run: RunResult, theirs: string): string[] {
  const drawn = roofline(run, theirs);
  if (drawn === '') return [];
  return [
    '<h3>Roofline</h3>',
    '<p class="soft">Peak and bandwidth are of the same minutes. A layer whose data stay in a cache can lie above the slope of memory; one computed by Winograd above the FMA peak. The line hanging from a layer ends where onnxruntime stands.</p>',
    figure(`${drawn}${legend([run])}`),
  ];
}

/** How everyone stands to one contender, over the layers that both computed. */
function contenders(run: RunResult, theirs: string): string[] {
  const names = [...new Set(run.matches.flatMap(({ timings }) => timings.map(({ contender }) => contender)))];
  const rows = names
    .filter((name) => name !== theirs)
    .map((name) => ({ title: name, matches: run.matches, ours: name }));
  if (rows.length < 2) return [];
  return ['<h3>Every contender</h3>', figure(strips(rows, '', theirs, `Every contender beside ${theirs}`))];
}

/** A row for each layer, where they are few enough to read. */
function rows(matches: readonly MatchResult[], ours: string, theirs: string): string[] {
  if (matches.length > MOST_ROWS) return [];
  const drawn = strips(eachLayer(matches, ours, theirs), ours, theirs, 'Ratios by layer');
  return [`<details><summary>Each of the ${matches.length} layers</summary>${figure(drawn)}</details>`];
}

function eachLayer(matches: readonly MatchResult[], ours: string, theirs: string): Strip[] {
  return [...matches]
    .sort((a, b) => speedup(a, theirs, ours) - speedup(b, theirs, ours))
    .map((match) => ({ title: match.layer.replace(/^.*\//, ''), matches: [match] }));
}

const figure = (content: string): string => (content === '' ? '' : `<figure>${content}</figure>`);

function asHtml({ title, head, rows, notes }: Table): string {
  const cells = (tag: 'th' | 'td', values: readonly string[]): string =>
    `<tr>${values.map((value) => `<${tag}>${escaped(value)}</${tag}>`).join('')}</tr>`;
  return [
    `<h3>${escaped(title)}</h3><div class="scroll"><table>`,
    cells('th', head),
    ...rows.map((row) => cells('td', row)),
    '</table></div>',
    ...notes.map((note) => `<p class="soft">${escaped(note)}</p>`),
  ].join('');
}

function footer(all: readonly Results[]): string {
  const commands = all.map(
    ({ command, environment, options }) =>
      `<p>${escaped(environment.date)}, load before it ${environment.load.toFixed(1)}, ${options.rounds} rounds of ${options.milliseconds} ms: <code>${escaped(command)}</code></p>`,
  );
  return [
    '<footer><p>Every contender and layer ran in a fresh process, in turns, so that disturbances fell on all. Ratios are of medians over rounds; ',
    'a spread is half the distance between quartiles. Every output was checked against float64 sums and against the other contenders’ first.</p>',
    ...commands,
    '</footer>',
  ].join('');
}
