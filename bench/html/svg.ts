// Drawing by text: elements, scales and ticks of logarithmic axes. It knows nothing of benchmarks.

type Attributes = Readonly<Record<string, string | number>>;

/** Text as HTML and SVG need it. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** `<name key="value">content</name>`; the content is markup, the values are text. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === 'number' ? short(value) : value)}"`)
    .join('');
  return content.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${content.join('')}</${name}>`;
}

/** Coordinates to a tenth of a unit. */
const short = (value: number): string => `${Math.round(value * 10) / 10}`;

export const text = (x: number, y: number, content: string, attributes: Attributes = {}): string =>
  element('text', { x, y, ...attributes }, escaped(content));

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: Attributes): string =>
  element('line', { x1, y1, x2, y2, ...attributes });

/** What a browser shows under the pointer, and what a screen reader reads. */
export const tooltip = (content: string): string => element('title', {}, escaped(content));

/** A drawing that takes the width of its column; `label` says what it shows. */
export const drawing = (
  width: number,
  height: number,
  label: string,
  ...content: readonly string[]
): string =>
  element('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label }, ...content);

/** Positions on a logarithmic axis. */
export interface LogScale {
  (value: number): number;
  readonly low: number;
  readonly high: number;
}

/** From [low, high] to [from, to]; values outside land outside. */
export function logScale(low: number, high: number, from: number, to: number): LogScale {
  const scale = (value: number): number =>
    from + ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (to - from);
  return Object.assign(scale, { low, high });
}

/** Powers of ten in [low, high], with what `steps` puts between them. */
export function decades(low: number, high: number, steps: readonly number[] = [1, 2, 5]): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of steps) {
      const tick = step * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(Number(tick.toPrecision(3)));
    }
  return ticks;
}

/** Powers of two in [low, high]. */
export function doublings(low: number, high: number): number[] {
  const first = Math.ceil(Math.log2(low) - 1e-9);
  const last = Math.floor(Math.log2(high) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => 2 ** (first + i));
}
