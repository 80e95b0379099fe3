// Ratios as strips: a row for each group of layers, a dot for each layer on one logarithmic axis about 1, its spread as a
// whisker, the geometric mean as a bar. What lost lies left of the line, as wide as what won.

import type { MatchResult } from '../match.js';
import { groupOf, ratioSpread, speedup } from '../summary.js';
import { doublings, drawing, element, type LogScale, line, logScale, text, tooltip } from './svg.js';

export interface Strip {
  readonly title: string;
  readonly matches: readonly MatchResult[];
  /** What its mean should reach. */
  readonly target?: number;
  /** Whose ratios these are, where rows differ. */
  readonly ours?: string;
}

const WIDTH = 960;
const LEFT = 190;
const RIGHT = 850;

/** Dots and the lanes they lie in: smaller where a row holds very many. */
interface Size {
  readonly radius: number;
  readonly lane: number;
}
const USUAL: Size = { radius: 4.2, lane: 7.5 };
const CROWDED: Size = { radius: 2.7, lane: 4.9 };
const CROWD = 100;

/** The strips of `ours` beside `theirs`. */
export function strips(rows: readonly Strip[], ours: string, theirs: string, label: string): string {
  const drawn = rows
    .map((row) => ({ ...row, dots: place(row, row.ours ?? ours, theirs) }))
    .filter(({ dots }) => dots.length > 0);
  const ratios = drawn.flatMap(({ dots }) => dots.map(({ ratio }) => ratio));
  if (ratios.length === 0) return '';
  const scale = logScale(Math.min(0.5, ...ratios) / 1.08, Math.max(4, ...ratios) * 1.08, LEFT, RIGHT);
  const content: string[] = [];
  let y = 26;
  for (const row of drawn) {
    const { dots } = row;
    const size = dots.length > CROWD ? CROWDED : USUAL;
    const lanes = lanesOf(
      dots.map(({ ratio }) => scale(ratio)),
      size,
    );
    const height = Math.max(36, (Math.max(...lanes) - Math.min(...lanes)) * size.lane + 22);
    content.push(rowOf({ ...row, lanes, size }, scale, y + height / 2, height, [row.ours ?? ours, theirs]));
    y += height;
  }
  return drawing(WIDTH, y + 30, label, axis(scale, 20, y), ...content);
}

/** A whisker ends where the axis does. */
const inside = (x: number): number => Math.min(RIGHT, Math.max(LEFT, x));

interface Dot {
  readonly match: MatchResult;
  readonly ratio: number;
  readonly spread: number;
}

function place({ matches }: Strip, ours: string, theirs: string): Dot[] {
  return matches
    .map((match) => ({
      match,
      ratio: speedup(match, theirs, ours),
      spread: ratioSpread(match, theirs, ours),
    }))
    .filter(({ ratio }) => Number.isFinite(ratio))
    .sort((a, b) => a.ratio - b.ratio);
}

/** For places in rising order, the nearest free lane to the middle of each: 0, 1, -1, 2, ... */
function lanesOf(places: readonly number[], { radius }: Size): number[] {
  const ends = new Map<number, number>();
  return places.map((x) => {
    for (let i = 0; ; i++) {
      const lane = i % 2 === 1 ? (i + 1) / 2 : -i / 2;
      if ((ends.get(lane) ?? Number.NEGATIVE_INFINITY) > x - 2 * radius) continue;
      ends.set(lane, x);
      return lane;
    }
  });
}

interface Row extends Strip {
  readonly dots: readonly Dot[];
  readonly lanes: readonly number[];
  readonly size: Size;
}

function rowOf(
  { title, target, matches, dots, lanes, size }: Row,
  scale: LogScale,
  middle: number,
  height: number,
  [ours, theirs]: readonly [string, string],
): string {
  const { mean, least, lost, count } = groupOf(title, matches, ours, theirs);
  const [zero, end] = [scale(1), scale(mean)];
  const kind = mean < 1 ? 'loss' : 'win';
  const summary = `${title}: ${count} layers, geometric mean ${mean.toFixed(2)}, least ${least.toFixed(2)}, ${lost} below 1`;
  const parts = [
    line(16, middle - height / 2, RIGHT + 94, middle - height / 2, { class: 'rule' }),
    element(
      'rect',
      {
        x: Math.min(zero, end),
        y: middle - height / 2 + 5,
        width: Math.max(1, Math.abs(end - zero)),
        height: height - 10,
        class: `bar ${kind}`,
      },
      tooltip(summary),
    ),
    text(LEFT - 14, middle + 1, title, { class: 'label end' }),
    text(
      LEFT - 14,
      middle + 14,
      `${count} ${count === 1 ? 'layer' : 'layers'}${lost > 0 ? `, ${lost} lost` : ''}`,
      {
        class: `small end${lost > 0 ? ' losing' : ''}`,
      },
    ),
    text(RIGHT + 92, middle + 5, `${mean.toFixed(2)} x`, { class: `value end ${kind}` }),
  ];
  if (target !== undefined) {
    const x = scale(target);
    parts.push(
      element(
        'path',
        { d: `M${x.toFixed(1)} ${middle - height / 2 + 3}v${height - 6}`, class: 'target' },
        tooltip(`target of ${title}: ${target.toFixed(2)}`),
      ),
    );
  }
  dots.forEach(({ match, ratio, spread }, index) => {
    const [x, y] = [scale(ratio), middle + lanes[index] * size.lane];
    const half = Math.min(spread, 0.6);
    parts.push(
      line(inside(scale(ratio * (1 - half))), y, inside(scale(ratio * (1 + half))), y, {
        class: `whisker ${ratio < 1 ? 'loss' : 'win'}`,
      }),
      element(
        'circle',
        { cx: x, cy: y, r: size.radius, class: `dot ${ratio < 1 ? 'loss' : 'win'}` },
        tooltip(`${match.layer}: ${ratio.toFixed(2)} x (±${(spread * 100).toFixed(0)} %)\n${match.line}`),
      ),
    );
  });
  return parts.join('');
}

function axis(scale: LogScale, top: number, bottom: number): string {
  const ticks = doublings(scale.low, scale.high).flatMap((tick) => {
    const x = scale(tick);
    const name = tick < 1 ? `1/${1 / tick}` : `${tick}`;
    return [
      line(x, top, x, bottom, { class: tick === 1 ? 'one' : 'grid' }),
      text(x, bottom + 18, `${name} x`, { class: 'tick middle' }),
    ];
  });
  return [
    text(scale(1) - 10, 12, 'slower', { class: 'small end losing' }),
    text(scale(1) + 10, 12, 'faster', { class: 'small winning' }),
    ...ticks,
  ].join('');
}
