// How a summary is printed: torchinfo's columns, as wide as their contents and 120 columns at most.

import { showShape } from '../tensor/shape.js';
import type { SummaryRow, SummaryTotals } from './rows.js';

const WIDTH = 120;
const GAP = '  ';
/** A layer's column gives way down to this. */
const NARROWEST = 24;
const NOTHING = '--';

interface Column {
  readonly title: string;
  readonly right: boolean;
  cell(row: SummaryRow, place: number): string;
}

/** 1234567 as 1,234,567: the same in every locale. */
export const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

const numbers = (title: string, value: (row: SummaryRow) => number): Column => ({
  title,
  right: true,
  cell: (row) => (value(row) > 0 ? grouped(value(row)) : NOTHING),
});

const shape = (title: string, value: (row: SummaryRow) => readonly number[] | null): Column => ({
  title,
  right: false,
  cell(row) {
    const sizes = value(row);
    return sizes === null ? NOTHING : showShape(sizes);
  },
});

const PARAMS: Column = {
  title: 'Param #',
  right: true,
  cell(row) {
    if (row.recursive && row.own.params > 0) return '(recursive)';
    return row.own.params > 0 ? grouped(row.own.params) : NOTHING;
  },
};

const FIELD: Column = {
  title: 'Field',
  right: true,
  cell({ receptiveField }) {
    if (receptiveField === null) return NOTHING;
    const sizes = receptiveField.size.map((size) => String(Number(size.toFixed(2))));
    return new Set(sizes).size === 1 ? sizes[0] : sizes.join('x');
  },
};

const FLOPS = numbers('FLOPs', (row) => 2 * row.own.macs);

const COLUMNS: readonly Column[] = [
  {
    title: 'Kernel',
    right: false,
    cell: ({ kernelSize }) => kernelSize?.join('x') ?? NOTHING,
  },
  shape('Input', (row) => row.inputShape),
  shape('Output', (row) => row.outputShape),
  PARAMS,
  numbers('MACs', (row) => row.own.macs),
  FLOPS,
  FIELD,
];

interface Printed {
  readonly lines: readonly string[];
  readonly width: number;
}

function printColumn({ title, right, cell }: Column, rows: readonly SummaryRow[]): Printed {
  const cells = [title, ...rows.map(cell)];
  const width = Math.max(...cells.map((text) => text.length));
  return { lines: cells.map((text) => (right ? text.padStart(width) : text.padEnd(width))), width };
}

/** The branches of a tree drawn in front of each row, and after its type the name its parent has for it. */
function layerNames(rows: readonly SummaryRow[]): string[] {
  return rows.map((row, place) => {
    const label = row.path === '' ? row.type : `${row.type} (${localName(rows, place)})`;
    if (row.depth === 0) return label;
    const stems: string[] = [];
    for (let depth = 1; depth < row.depth; depth++) stems.push(continues(rows, place, depth) ? '│  ' : '   ');
    return `${stems.join('')}${continues(rows, place, row.depth) ? '├─ ' : '└─ '}${label}`;
  });
}

/** Whether another row of this depth follows before its parent ends. */
function continues(rows: readonly SummaryRow[], place: number, depth: number): boolean {
  for (let next = place + 1; next < rows.length && rows[next].depth >= depth; next++) {
    if (rows[next].depth === depth) return true;
  }
  return false;
}

function localName(rows: readonly SummaryRow[], place: number): string {
  const { path, depth } = rows[place];
  let above = place - 1;
  while (above > 0 && rows[above].depth >= depth) above--;
  const prefix = `${rows[above]?.path ?? ''}.`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}

function printTable(rows: readonly SummaryRow[]): string[] {
  const room = (columns: readonly Printed[]) =>
    WIDTH - columns.reduce((sum, { width }) => sum + GAP.length + width, 0);
  let columns = COLUMNS.map((column) => printColumn(column, rows));
  // FLOPs are twice the MACs: the first to go where numbers are long.
  if (room(columns) < NARROWEST) {
    columns = COLUMNS.filter((column) => column !== FLOPS).map((column) => printColumn(column, rows));
  }
  const names = ['Layer (name)', ...layerNames(rows)];
  const widest = Math.max(...names.map((name) => name.length));
  const width = Math.min(widest, Math.max(NARROWEST, room(columns)));
  const cut = (name: string) => (name.length > width ? `${name.slice(0, width - 1)}…` : name.padEnd(width));
  return names.map((name, line) =>
    [cut(name), ...columns.map(({ lines }) => lines[line])].join(GAP).trimEnd(),
  );
}

const memory = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

const multiplied = (count: number): [string, string] => [
  'Multiplications',
  `${grouped(count)} (fewer than MACs by Winograd's tiles)`,
];

/** The whole text. */
export function printSummary({
  rows,
  totals,
  notes,
}: {
  readonly rows: readonly SummaryRow[];
  readonly totals: SummaryTotals;
  readonly notes: readonly string[];
}): string {
  const [head, ...body] = printTable(rows);
  const rule = (line: string) => line.repeat(Math.max(...[head, ...body].map((text) => text.length)));
  const facts: [string, string][] = [
    ['Total params', grouped(totals.params)],
    ['Trainable params', grouped(totals.trainableParams)],
    ['MACs', `${grouped(totals.macs)} (biases not counted)`],
    ['FLOPs', `${grouped(totals.flops)} (2 x MACs)`],
    ...(totals.multiplications < totals.macs ? [multiplied(totals.multiplications)] : []),
    ['Input size', memory(totals.inputBytes)],
    ['Forward size', memory(totals.forwardBytes)],
    ['Params size', memory(totals.paramsBytes)],
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 1;
  return [
    head,
    rule('='),
    ...body,
    rule('='),
    ...facts.map(([name, value]) => `${`${name}:`.padEnd(width)} ${value}`),
    ...notes.map((note) => `Receptive fields: ${note}`),
  ].join('\n');
}
