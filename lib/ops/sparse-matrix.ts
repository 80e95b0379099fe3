// Sparse matrices in compressed rows, and their transposes: a product's gradient is the product with the transpose.

/** Row r holds values[e] in column columns[e], for e from starts[r] up to starts[r + 1]. */
export interface SparseMatrix {
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float32Array;
}

/** The transpose of a matrix of `width` columns; the entries of a row are in the order of the rows they come from. */
export function transposed({ starts, columns, values }: SparseMatrix, width: number): SparseMatrix {
  const turned = {
    starts: new Int32Array(width + 1),
    columns: new Int32Array(columns.length),
    values: new Float32Array(values.length),
  };
  for (const column of columns) turned.starts[column + 1]++;
  for (let column = 0; column < width; column++) turned.starts[column + 1] += turned.starts[column];
  const next = turned.starts.slice();
  for (let row = 0; row + 1 < starts.length; row++) {
    for (let entry = starts[row]; entry < starts[row + 1]; entry++) {
      const place = next[columns[entry]]++;
      turned.columns[place] = row;
      turned.values[place] = values[entry];
    }
  }
  return turned;
}
