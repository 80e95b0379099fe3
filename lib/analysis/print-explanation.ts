// How an explained output element is printed: patch, kernel and products side by side, one block per input channel.

import { showShape } from '../tensor/shape.js';

/** What is printed of a tap. */
interface PrintedTap {
  readonly kernel: readonly number[];
  readonly channel: number;
  readonly input: readonly number[] | null;
  readonly padded: boolean;
  readonly value: number | null;
  readonly weight: number;
  readonly product: number | null;
}

interface Printed {
  readonly operation: string;
  readonly algorithm: 'direct' | 'winograd2' | 'winograd4';
  readonly position: readonly number[];
  readonly outputShape: readonly number[];
  readonly kernelSize: readonly number[];
  readonly taps: readonly PrintedTap[];
  readonly total: number;
  readonly bias: number | null;
  readonly sum: number;
  readonly activation: string;
  readonly value: number;
}

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
function printPlane(title: string, rows: readonly (readonly PrintedTap[])[]): string[] {
  const value = (tap: PrintedTap) => {
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

function inRows(taps: readonly PrintedTap[], width: number): PrintedTap[][] {
  return Array.from({ length: taps.length / width }, (_, row) => taps.slice(row * width, (row + 1) * width));
}

function printChannel(channel: number, taps: readonly PrintedTap[], kernelSize: readonly number[]): string[] {
  const width = kernelSize[kernelSize.length - 1];
  if (kernelSize.length < 3) return printPlane(`channel ${channel}`, inRows(taps, width));
  const plane = kernelSize[1] * width;
  return inRows(taps, plane).flatMap((part, depth) =>
    printPlane(`channel ${channel}, kernel plane ${depth}`, inRows(part, width)),
  );
}

/** Where in the input the taps lie. */
function whereabouts({ taps, kernelSize }: Printed): string {
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
export function printExplanation(parts: Printed): string {
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
