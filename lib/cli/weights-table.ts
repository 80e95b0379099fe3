// What a file of weights holds, tensor by tensor, as data and as a table: names, dtypes, shapes, sizes. Only its header is read.

import { pthInfo, safetensorsInfo } from '../io/index.js';
import { elementCount, showShape } from '../tensor/shape.js';
import type { WeightsKind } from './weights-file.js';

export interface WeightsRow {
  readonly name: string;
  /** As the file's format spells it. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly elements: number;
}

export interface WeightsSummary {
  readonly rows: readonly WeightsRow[];
  readonly totals: {
    readonly tensors: number;
    readonly elements: number;
    /** As float32, which is how they are loaded. */
    readonly bytes: number;
    /** Elements by dtype. */
    readonly dtypes: Readonly<Record<string, number>>;
  };
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads what a file says of its tensors. @throws RangeError naming the file and what is wrong with it. */
export async function weightsSummary(path: string, kind: WeightsKind): Promise<WeightsSummary> {
  const info = kind === 'pth' ? { metadata: {}, ...(await pthInfo(path)) } : await safetensorsInfo(path);
  const rows = Object.entries(info.tensors).map(([name, { dtype, shape }]) => ({
    name,
    dtype,
    shape,
    elements: elementCount(shape),
  }));
  const dtypes: Record<string, number> = {};
  for (const { dtype, elements } of rows) dtypes[dtype] = (dtypes[dtype] ?? 0) + elements;
  const elements = rows.reduce((sum, row) => sum + row.elements, 0);
  return {
    rows,
    totals: { tensors: rows.length, elements, bytes: elements * 4, dtypes },
    metadata: info.metadata,
  };
}

const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

/** The table, a tensor a line. */
export function weightsTable({ rows, totals, metadata }: WeightsSummary): string {
  const cells = rows.map(({ name, dtype, shape, elements }) => [
    printable(name),
    dtype,
    showShape(shape),
    grouped(elements),
  ]);
  const titles = ['Name', 'Dtype', 'Shape', 'Elements'];
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column].length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 3 ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  const rule = '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  const kinds = Object.entries(totals.dtypes).map(([dtype, elements]) => `${dtype} ${grouped(elements)}`);
  const notes = Object.entries(metadata).map(([key, value]) => `${printable(key)}: ${printable(value)}`);
  return [
    line(titles),
    rule,
    ...cells.map(line),
    rule,
    `${grouped(totals.tensors)} tensors, ${grouped(totals.elements)} elements (${kinds.join(', ') || 'none'}), ` +
      `${(totals.bytes / 1e6).toFixed(1)} MB as float32`,
    ...notes,
  ].join('\n');
}

/** Names from a file may hold anything: nothing that moves a terminal's cursor gets through. */
const printable = (text: string): string => {
  const plain = JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\u009f]/g, '?');
  return plain.length > 120 ? `${plain.slice(0, 119)}…` : plain;
};
