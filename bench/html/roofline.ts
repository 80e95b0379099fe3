// The roofline: how many operations a layer asks for each byte it must move, against how many it got a second. Memory
// bounds the left, the FMA peak the right, and Winograd's saved multiplications raise that roof. Counted in direct operations.

import type { Isa } from '../../binding.js';
import type { MatchResult } from '../match.js';
import type { RunResult } from '../results.js';
import { median } from '../statistics.js';
import { algorithmOf, attainable, mainIsa, millisecondsOf, rateOf, roofOf, speedup } from '../summary.js';
import { decades, drawing, element, escaped, type LogScale, line, logScale, text, tooltip } from './svg.js';

const WIDTH = 960;
const HEIGHT = 560;
const FRAME = { left: 70, right: 930, top: 24, bottom: 500 };

const ROOFS = [
  { algorithm: 'direct', name: 'FMA peak' },
  { algorithm: 'winograd2', name: 'by Winograd, tiles of 2x2' },
  { algorithm: 'winograd4', name: 'by Winograd, tiles of 4x4' },
] as const;

/** Classes have a colour each, in the order of the palette; what comes after shares the last. */
export const CLASSES = [
  '1x1',
  '3x3',
  '3x3-14',
  '3x3-7',
  'strided',
  'dilated',
  'stem',
  'depthwise',
  'grouped',
  'other',
] as const;

const colourOf = (name: string): string => {
  const known = CLASSES.indexOf(name as (typeof CLASSES)[number]);
  return `var(--class-${known < 0 ? CLASSES.length - 1 : known})`;
};

/** Every layer of a run of convkit's, and where `theirs` stands. */
export function roofline(run: RunResult, theirs: string): string {
  const isa = mainIsa(run);
  if (isa === null) return '';
  const ours = `convkit:${isa}`;
  const matches = run.matches.filter((match) => !Number.isNaN(millisecondsOf(match, ours)));
  const peaks = matches.map(({ peaks: measured }) => measured[isa]).filter((peak) => peak !== undefined);
  if (matches.length === 0 || peaks.length === 0) return '';
  const peak = median(peaks);
  const intensities = matches.map((match) => match.flops / match.bytes);
  const rates = matches
    .flatMap((match) => [rateOf(match, ours), rateOf(match, theirs)])
    .filter(Number.isFinite);
  const widest = Math.max(Math.max(...intensities) * 1.3, ((peak * 4) / run.bandwidth) * 3);
  const x = logScale(Math.min(...intensities) / 1.3, widest, FRAME.left, FRAME.right);
  const y = logScale(Math.min(...rates) / 1.5, peak * 4 * 1.45, FRAME.bottom, FRAME.top);
  const label = `Roofline of ${matches.length} layers on ${isa}`;
  return drawing(
    WIDTH,
    HEIGHT,
    label,
    axes(x, y),
    ...roofs(x, y, peak, run.bandwidth),
    ...matches.map((match) => stem(match, x, y, ours, theirs)),
    ...matches.map((match) => point(match, x, y, { ours, theirs, isa, bandwidth: run.bandwidth })),
    ...roofNames(x, y, peak, run.bandwidth),
  );
}

function axes(x: LogScale, y: LogScale): string {
  const columns = decades(x.low, x.high).flatMap((tick) => [
    line(x(tick), FRAME.top, x(tick), FRAME.bottom, { class: 'grid' }),
    text(x(tick), FRAME.bottom + 20, `${tick}`, { class: 'tick middle' }),
  ]);
  const rows = decades(y.low / 1e9, y.high / 1e9).flatMap((tick) => [
    line(FRAME.left, y(tick * 1e9), FRAME.right, y(tick * 1e9), { class: 'grid' }),
    text(FRAME.left - 10, y(tick * 1e9) + 4, `${tick}`, { class: 'tick end' }),
  ]);
  return [
    ...columns,
    ...rows,
    text((FRAME.left + FRAME.right) / 2, HEIGHT - 16, 'operations for each byte that must move', {
      class: 'tick middle',
    }),
    text(FRAME.left - 56, FRAME.top - 8, 'GFLOP/s', { class: 'tick' }),
  ].join('');
}

/** The slope of memory up to the highest roof, and the three roofs right of it. */
function roofs(x: LogScale, y: LogScale, peak: number, bandwidth: number): string[] {
  const highest = Math.min(x.high, (peak * 4) / bandwidth);
  const start = Math.max(x.low, y.low / bandwidth);
  const slope = { class: 'roof memory' };
  return [
    line(x(start), y(start * bandwidth), x(highest), y(highest * bandwidth), slope),
    ...ROOFS.map(({ algorithm }) => {
      const height = peak * roofOf(algorithm);
      const from = Math.max(x.low, height / bandwidth);
      return line(x(from), y(height), FRAME.right, y(height), { class: `roof ${algorithm}` });
    }),
  ];
}

/** What the roofs are called, over everything else. */
function roofNames(x: LogScale, y: LogScale, peak: number, bandwidth: number): string[] {
  const start = Math.max(x.low, y.low / bandwidth);
  const at = Math.sqrt(start * Math.min(x.high, peak / bandwidth));
  const angle = (Math.atan2(y(at * 2 * bandwidth) - y(at * bandwidth), x(at * 2) - x(at)) * 180) / Math.PI;
  const place = `translate(${x(at).toFixed(1)} ${y(at * bandwidth).toFixed(1)}) rotate(${angle.toFixed(1)})`;
  return [
    text(0, -8, `from memory: ${(bandwidth / 1e9).toFixed(0)} GB/s`, {
      class: 'small middle over',
      transform: place,
    }),
    ...ROOFS.map(({ algorithm, name }) => {
      const height = peak * roofOf(algorithm);
      return text(FRAME.right, y(height) - 7, `${name}: ${(height / 1e9).toFixed(0)} GFLOP/s`, {
        class: 'small end over',
      });
    }),
  ];
}

/** From the other's rate to ours: upwards what was won. */
function stem(match: MatchResult, x: LogScale, y: LogScale, ours: string, theirs: string): string {
  const [own, other] = [rateOf(match, ours), rateOf(match, theirs)];
  if (!Number.isFinite(other)) return '';
  const at = x(match.flops / match.bytes);
  return [
    line(at, y(other), at, y(own), { class: `stem ${own < other ? 'loss' : 'win'}` }),
    element(
      'circle',
      { cx: at, cy: y(other), r: 2.4, class: 'other' },
      tooltip(`${theirs}, ${match.layer}: ${(other / 1e9).toFixed(1)} GFLOP/s`),
    ),
  ].join('');
}

interface Held {
  readonly ours: string;
  readonly theirs: string;
  readonly isa: Isa;
  readonly bandwidth: number;
}

function point(match: MatchResult, x: LogScale, y: LogScale, { ours, theirs, isa, bandwidth }: Held): string {
  const rate = rateOf(match, ours);
  const limit = attainable(match, ours, isa, bandwidth);
  const algorithm = algorithmOf(match, ours);
  const [cx, cy] = [x(match.flops / match.bytes), y(rate)];
  const name = tooltip(
    `${match.layer} (${algorithm})\n${match.line}\n${(rate / 1e9).toFixed(1)} GFLOP/s, ${((rate / limit) * 100).toFixed(0)} % of attainable\n` +
      `${millisecondsOf(match, ours).toPrecision(3)} ms, ${speedup(match, theirs, ours).toFixed(2)} times ${theirs}`,
  );
  const style = `fill:${colourOf(match.class)}`;
  if (algorithm === 'direct') return element('circle', { cx, cy, r: 5, class: 'point', style }, name);
  return element(
    'path',
    { d: `M${cx.toFixed(1)} ${(cy - 7).toFixed(1)}l6.5 7l-6.5 7l-6.5 -7z`, class: 'point', style },
    name,
  );
}

/** What the colours and marks of rooflines mean, for the classes that occur. */
export function legend(runs: readonly RunResult[]): string {
  const classes = new Set(runs.flatMap(({ matches }) => matches.map((match) => match.class)));
  const named = CLASSES.filter((name) => classes.has(name));
  const others = [...classes].filter((name) => !CLASSES.some((known) => known === name));
  const entry = (name: string): string =>
    `<span><i style="background:${colourOf(name)}"></i>${escaped(name)}</span>`;
  return [
    '<p class="legend">',
    ...named.map(entry),
    ...(others.length > 0
      ? [`<span><i style="background:${colourOf('other')}"></i>${escaped(others.join(', '))}</span>`]
      : []),
    '<span><b class="round"></b>direct</span><span><b class="diamond"></b>Winograd</span><span><b class="hollow"></b>onnxruntime</span>',
    '</p>',
  ].join('');
}
