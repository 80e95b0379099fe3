// How an explained output element is printed: patch, kernel and products side by side, one block per input channel.

import { showShape } from '../tensor/shape.js';
import type { ExplainedTap, Parts } from './explained.js';

/** More channels than anyone reads. */
const CHANNELS_SHOWN = 4;
const NOTHING = '·';
const GAP = '   ';
const AXES = ['planes', 'rows', 'columns'];

const number = (value: number): string => String(Number(value.toPrecision(5)));

/** A block of text lines of one width. */
function block(title: string, rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padStart(widths[column])).join('  '));
  const width = Math.max(title.length, ...lines.map((line) => line.length));
  return [title, ...lines].map((line) => line.padEnd(width));
}

/** The taps of one channel and plane, row by row. */
function printPlane(title: string, rows: readonly (readonly ExplainedTap[])[]): string[] {
  const value = (tap: ExplainedTap) => {
    if (tap.value === null) return NOTHING;
    return tap.padded ? `(${number(tap.value)})` : number(tap.value);
  };
  const blocks = [
    block(
      'input',
      rows.map((row) => row.map(value)),
    ),
    block(
      'kernel',
      rows.map((row) => row.map(({ weight }) => number(weight))),
    ),
    block(
      'products',
      rows.map((row) => row.map(({ product }) => (product === null ? NOTHING : number(product)))),
    ),
  ];
  return [
    title,
    ...blocks[0].map((_, line) => `  ${blocks.map((lines) => lines[line]).join(GAP)}`.trimEnd()),
  ];
}

function inRows(taps: readonly ExplainedTap[], width: number): ExplainedTap[][] {
  return Array.from({ length: taps.length / width }, (_, row) => taps.slice(row * width, (row + 1) * width));
}

function printChannel(
  channel: number,
  taps: readonly ExplainedTap[],
  kernelSize: readonly number[],
): string[] {
  const width = kernelSize[kernelSize.length - 1];
  if (kernelSize.length < 3) return printPlane(`channel ${channel}`, inRows(taps, width));
  const plane = kernelSize[1] * width;
  return inRows(taps, plane).flatMap((part, depth) =>
    printPlane(`channel ${channel}, kernel plane ${depth}`, inRows(part, width)),
  );
}

/** Where in the input the taps lie. */
function whereabouts({ taps, kernelSize }: Parts): string {
  const inputs = taps.flatMap(({ input }) => (input === null ? [] : [input]));
  if (inputs.length === 0) return 'no input under the kernel';
  const names = kernelSize.length === 1 ? ['positions'] : AXES.slice(3 - kernelSize.length);
  const spans = names.map((name, axis) => {
    const at = inputs.map((input) => input[axis]);
    return `${name} ${Math.min(...at)} to ${Math.max(...at)}`;
  });
  return `input ${spans.join(', ')}`;
}

const TILES = { direct: '', winograd2: '2x2', winograd4: '4x4' };

/** The whole text. */
export function printExplanation(parts: Parts): string {
  const {
    operation,
    algorithm,
    position,
    outputShape,
    kernelSize,
    taps,
    total,
    bias,
    sum,
    activation,
    value,
  } = parts;
  const channels = [...new Set(taps.map(({ channel }) => channel))];
  const shown = channels.slice(0, CHANNELS_SHOWN);
  const hidden = channels.length - shown.length;
  const lines = [
    `${operation}: element ${showShape(position)} of the output ${showShape(outputShape)}, from ${whereabouts(parts)}`,
    ...shown.flatMap((channel) =>
      printChannel(
        channel,
        taps.filter((tap) => tap.channel === channel),
        kernelSize,
      ),
    ),
    ...(hidden > 0 ? [`and ${hidden} more channels`] : []),
  ];
  if (taps.some((tap) => tap.value === null)) lines.push(`${NOTHING} no input there: adds nothing`);
  if (taps.some((tap) => tap.value !== null && tap.padded)) lines.push('(x) in the padding');
  const results: [string, string][] = [
    [`sum of ${taps.filter((tap) => tap.value !== null).length} products`, number(total)],
    ...(bias === null ? [] : ([[`+ bias`, number(bias)]] as [string, string][])),
    ...(activation === 'none' ? [] : ([[`before ${activation}`, number(sum)]] as [string, string][])),
    [algorithm === 'direct' ? 'output' : `output, by Winograd's tiles of ${TILES[algorithm]}`, number(value)],
  ];
  const width = Math.max(...results.map(([name]) => name.length));
  const digits = Math.max(...results.map(([, text]) => text.length));
  return [...lines, ...results.map(([name, text]) => `${name.padEnd(width)}  ${text.padStart(digits)}`)].join(
    '\n',
  );
}
