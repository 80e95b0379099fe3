// A resampling of images as a sparse matrix, a row an output position, entries in ascending order of columns.

import type { Triple } from '../../binding.js';
import type { ResampledAxis } from './resample-axis.js';
import type { SparseMatrix } from './sparse-matrix.js';

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
