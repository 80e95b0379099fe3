// Plain tables: columns as wide as their contents.

export interface Column<Row> {
  readonly title: string;
  readonly right: boolean;
  cell(row: Row, place: number): string;
}

/** A head, a rule, and a line a row. */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const printed = columns.map(({ title, right, cell }) => {
    const cells = [title, ...rows.map(cell)];
    const width = Math.max(...cells.map((text) => text.length));
    return cells.map((text) => (right ? text.padStart(width) : text.padEnd(width)));
  });
  const lines = [undefined, ...rows].map((_, line) =>
    printed
      .map((cells) => cells[line])
      .join('  ')
      .trimEnd(),
  );
  const [head, ...body] = lines;
  return [head, '='.repeat(Math.max(...lines.map(({ length }) => length))), ...body].join('\n');
}
