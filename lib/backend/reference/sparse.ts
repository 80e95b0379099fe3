// Reference product of a sparse matrix, in compressed rows, with the rows of a dense one.
import { show, wrongType, wrongValue } from '../../errors.js';
import { fmaf } from '../../numerics/fmaf.js';
import { checkApart, checkCount, checkFloats } from './checks.js';
import type { Work } from './jobs.js';

function checkIndices(name: string, value: unknown): asserts value is Int32Array {
  if (!(value instanceof Int32Array))
    throw wrongType('sparse', `${name} must be an Int32Array, got ${show(value)}`);
}

/** One unit is one row of the result. */
export function sparseWork(
  starts: Int32Array,
  columns: Int32Array,
  values: Float32Array,
  x: Float32Array,
  y: Float32Array,
  width: number,
): Work {
  const operation = 'sparse';
  checkCount(operation, 'width', width, 1);
  checkIndices('starts', starts);
  checkIndices('columns', columns);
  checkFloats(operation, 'values', values, columns.length);
  if (!(x instanceof Float32Array)) throw wrongType(operation, `x must be a Float32Array, got ${show(x)}`);
  const inputs = Math.floor(x.length / width);
  checkFloats(operation, 'x', x, inputs * width);
  if (starts.length === 0 || starts[0] !== 0 || starts[starts.length - 1] !== columns.length)
    throw wrongValue(operation, 'starts must run from 0 to the number of entries');
  for (let row = 1; row < starts.length; row++)
    if (starts[row] < starts[row - 1]) throw wrongValue(operation, 'starts must not descend');
  for (const column of columns)
    if (column < 0 || column >= inputs)
      throw wrongValue(operation, `columns must lie in [0, ${inputs}), got ${column}`);
  checkFloats(operation, 'y', y, (starts.length - 1) * width);
  checkApart(operation, y, [x, values], 'none');
  // In the background a user's later writes must not move a checked index.
  const [begins, entries] = [starts.slice(), columns.slice()];
  return {
    units: begins.length - 1,
    run(begin, end) {
      for (let row = begin; row < end; row++) {
        const sums = y.subarray(row * width, (row + 1) * width).fill(0);
        for (let e = begins[row]; e < begins[row + 1]; e++) {
          const from = entries[e] * width;
          for (let c = 0; c < width; c++) sums[c] = fmaf(x[from + c], values[e], sums[c]);
        }
        for (let c = 0; c < width; c++) sums[c] += 0;
      }
    },
  };
}
