// A resampling of images as a sparse matrix, a row an output position, and its transpose for gradients.

import type { Triple } from '../../binding.js';
import type { ResampledAxis } from './resample-axis.js';

/** Row r is entries [starts[r], starts[r + 1]), in ascending order of columns. */
export interface SparseMatrix {
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float32Array;
}

/** The product of three axes over an image. */
export function matrixOf(
  axes: readonly [ResampledAxis, ResampledAxis, ResampledAxis],
  [, height, width]: Triple,
): SparseMatrix {
  const [depth, rows, columns] = axes;
  const entries = depth.sources.length * rows.sources.length * columns.sources.length;
  const outputs = axes.reduce((product, { starts }) => product * (starts.length - 1), 1);
  const matrix = {
    starts: new Int32Array(outputs + 1),
    columns: new Int32Array(entries),
    values: new Float32Array(entries),
  };
  let entry = 0;
  let row = 0;
  for (let d = 0; d + 1 < depth.starts.length; d++) {
    for (let h = 0; h + 1 < rows.starts.length; h++) {
      for (let w = 0; w + 1 < columns.starts.length; w++) {
        for (let i = depth.starts[d]; i < depth.starts[d + 1]; i++) {
          for (let j = rows.starts[h]; j < rows.starts[h + 1]; j++) {
            for (let k = columns.starts[w]; k < columns.starts[w + 1]; k++) {
              matrix.columns[entry] =
                (depth.sources[i] * height + rows.sources[j]) * width + columns.sources[k];
              matrix.values[entry++] = depth.weights[i] * rows.weights[j] * columns.weights[k];
            }
          }
        }
        matrix.starts[++row] = entry;
      }
    }
  }
  return matrix;
}

/** The transpose of a matrix of `width` columns. */
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
