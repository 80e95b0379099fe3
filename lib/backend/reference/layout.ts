// Reference data movement: channels-first to channels-last and back, and concatenation of rows.
import { show, wrongType, wrongValue } from '../../errors.js';
import { checkApart, checkCount, checkFloats } from './checks.js';
import type { Work } from './jobs.js';

/** Square blocks, so that neither side of a transposition strides through memory for long. */
const BLOCK = 16;
const ROWS = 256;

export function toChannelsLastWork(
  x: Float32Array,
  y: Float32Array,
  batch: number,
  channels: number,
  positions: number,
): Work {
  return transposeWork('toChannelsLast', x, y, batch, channels, positions);
}

export function toChannelsFirstWork(
  x: Float32Array,
  y: Float32Array,
  batch: number,
  channels: number,
  positions: number,
): Work {
  return transposeWork('toChannelsFirst', x, y, batch, positions, channels);
}

/** [batch, rows, columns] -> [batch, columns, rows] */
function transposeWork(
  operation: string,
  x: Float32Array,
  y: Float32Array,
  batch: number,
  rows: number,
  columns: number,
): Work {
  checkCount(operation, 'batch', batch, 0);
  checkCount(operation, 'channels', operation === 'toChannelsLast' ? rows : columns, 0);
  checkCount(operation, 'positions', operation === 'toChannelsLast' ? columns : rows, 0);
  checkFloats(operation, 'x', x, batch * rows * columns);
  checkFloats(operation, 'y', y, batch * rows * columns);
  checkApart(operation, y, [x], 'none');
  const strips = Math.ceil(rows / BLOCK);
  return {
    units: batch * strips,
    run(begin, end) {
      for (let unit = begin; unit < end; unit++) {
        const image = Math.floor(unit / strips);
        const first = (unit - image * strips) * BLOCK;
        transposeStrip(x, y, image * rows * columns, rows, columns, first, Math.min(first + BLOCK, rows));
      }
    },
  };
}

function transposeStrip(
  x: Float32Array,
  y: Float32Array,
  image: number,
  rows: number,
  columns: number,
  first: number,
  last: number,
): void {
  for (let left = 0; left < columns; left += BLOCK) {
    const right = Math.min(left + BLOCK, columns);
    for (let r = first; r < last; r++)
      for (let c = left; c < right; c++) y[image + c * rows + r] = x[image + r * columns + c];
  }
}

export function concatWork(
  inputs: readonly Float32Array[],
  widths: readonly number[],
  y: Float32Array,
  rows: number,
): Work {
  const operation = 'concat';
  if (!Array.isArray(inputs)) throw wrongType(operation, `inputs must be an array, got ${show(inputs)}`);
  if (!Array.isArray(widths)) throw wrongType(operation, `widths must be an array, got ${show(widths)}`);
  if (widths.length !== inputs.length)
    throw wrongValue(
      operation,
      `inputs and widths must be as many, got ${inputs.length} and ${widths.length}`,
    );
  checkCount(operation, 'rows', rows, 0);
  inputs.forEach((input, k) => {
    checkCount(operation, `widths[${k}]`, widths[k], 0);
    checkFloats(operation, `inputs[${k}]`, input, rows * widths[k]);
  });
  const total = widths.reduce((sum, width) => sum + width, 0);
  checkFloats(operation, 'y', y, rows * total);
  checkApart(operation, y, inputs, 'none');
  return {
    units: Math.ceil(rows / ROWS),
    run(begin, end) {
      const last = Math.min(end * ROWS, rows);
      for (let row = begin * ROWS; row < last; row++) {
        let at = row * total;
        for (let k = 0; k < inputs.length; k++) {
          y.set(inputs[k].subarray(row * widths[k], (row + 1) * widths[k]), at);
          at += widths[k];
        }
      }
    },
  };
}
