// Tensors as text: the shape, then the numbers in brackets, aligned, long ones shortened to their edges.

import { elementCount, showShape } from './shape.js';

const LINE_WIDTH = 80;
/** Tensors of more elements are shortened to EDGE of them at either end of each dimension. */
const SHORTEN_ABOVE = 1000;
const EDGE = 3;

type Format = (value: number) => string;
/** The visible part: numbers, levels of them, and null for what was left out. */
type Level = (number | null | Level)[];

function visiblePart(data: Float32Array, shape: readonly number[], shorten: boolean): Level {
  const build = (dimension: number, offset: number, stride: number): Level => {
    const size = shape[dimension];
    const step = stride / size;
    const level: Level = [];
    for (let i = 0; i < size; i++) {
      if (shorten && size > 2 * EDGE && i === EDGE) {
        level.push(null);
        i = size - EDGE;
      }
      const start = offset + i * step;
      level.push(dimension + 1 === shape.length ? data[start] : build(dimension + 1, start, step));
    }
    return level;
  };
  return build(0, 0, data.length);
}

const numbersIn = (level: Level): number[] =>
  level.flatMap((item) => (Array.isArray(item) ? numbersIn(item) : item === null ? [] : [item]));

/** Whole numbers plainly; others with four decimals, or in scientific notation where that would hide them. */
function chooseFormat(values: readonly number[]): Format {
  const sizes = values.filter((value) => Number.isFinite(value) && value !== 0).map(Math.abs);
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
  const whole = sizes.every(Number.isInteger);
  const scientific = largest >= 1e8 || (largest > 0 && largest < 1e-3);
  const text: Format = (value) => {
    if (!Number.isFinite(value)) return String(value);
    return scientific ? value.toExponential(4) : value.toFixed(whole ? 0 : 4);
  };
  const width = values.reduce((widest, value) => Math.max(widest, text(value).length), 0);
  return (value) => text(value).padStart(width);
}

function row(items: readonly string[], indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const item of items) {
    if (line !== '' && indent + line.length + item.length + 3 > LINE_WIDTH) {
      lines.push(line);
      line = '';
    }
    line += (line === '' ? '' : ', ') + item;
  }
  lines.push(line);
  return lines.join(`,\n${' '.repeat(indent + 1)}`);
}

function brackets(level: Level, format: Format, indent: number): string {
  const inner = level.find((item) => Array.isArray(item));
  if (!inner) {
    return `[${row(
      level.map((item) => (typeof item === 'number' ? format(item) : '...')),
      indent,
    )}]`;
  }
  const parts = level.map((item) => (Array.isArray(item) ? brackets(item, format, indent + 1) : '...'));
  const blank = Array.isArray(inner) && Array.isArray(inner[0]) ? '\n\n' : '\n';
  return `[${parts.join(`,${blank}${' '.repeat(indent + 1)}`)}]`;
}

/** The text of row-major numbers; a line or more, without a final line break. */
export function printed(data: Float32Array, shape: readonly number[]): string {
  const header = `Tensor ${showShape(shape)}`;
  if (elementCount(shape) === 0) return `${header} (no elements)`;
  if (shape.length === 0) return `${header} ${data[0]}`;
  const part = visiblePart(data, shape, data.length > SHORTEN_ABOVE);
  return `${header}\n${brackets(part, chooseFormat(numbersIn(part)), 0)}`;
}
