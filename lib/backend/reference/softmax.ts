// Softmax, its logarithm and their gradients over the rows of a matrix.
import { log64 } from '../../numerics/double.js';
import { exp } from '../../numerics/elementary.js';
import { fmaf } from '../../numerics/fmaf.js';
import { checkApart, checkCount, checkFloats, lengthOf, oneOf } from './checks.js';
import type { Work } from './jobs.js';
import { rowSum } from './rows.js';

type Kind = 'softmax' | 'logSoftmax';
const KINDS = ['softmax', 'logSoftmax'] as const;

/** The number of rows, where they are whole. */
function rowsOf(operation: string, name: string, x: Float32Array, length: number): number {
  checkCount(operation, 'length', length, 1);
  const rows = Math.floor(lengthOf(operation, name, x) / length);
  checkFloats(operation, name, x, rows * length);
  return rows;
}

export function softmaxWork(kind: Kind, x: Float32Array, y: Float32Array, length: number): Work {
  const operation = 'softmax';
  oneOf(operation, 'kind', kind, KINDS);
  const rows = rowsOf(operation, 'x', x, length);
  checkFloats(operation, 'y', y, x.length);
  checkApart(operation, y, [x], 'none');
  return {
    units: rows,
    run(begin, end) {
      for (let row = begin; row < end; row++) softmaxRow(kind, x, y, row * length, length);
    },
  };
}

function softmaxRow(kind: Kind, x: Float32Array, y: Float32Array, at: number, length: number): void {
  let most = x[at];
  for (let i = at + 1; i < at + length; i++) {
    // biome-ignore lint/suspicious/noSelfCompare: true for NaN alone, which wins
    if (x[i] > most || x[i] !== x[i]) most = x[i];
  }
  for (let i = at; i < at + length; i++) y[i] = exp(Math.fround(x[i] - most));
  const sum = rowSum(y, at, length);
  if (kind === 'softmax') {
    for (let i = at; i < at + length; i++) y[i] /= sum;
    return;
  }
  const logarithm = Number.isFinite(sum) ? Math.fround(log64(sum)) : sum;
  for (let i = at; i < at + length; i++) y[i] = Math.fround(x[i] - most) - logarithm;
}

export function softmaxGradientWork(
  kind: Kind,
  y: Float32Array,
  upstream: Float32Array,
  gradient: Float32Array,
  length: number,
): Work {
  const operation = 'softmaxGradient';
  oneOf(operation, 'kind', kind, KINDS);
  const rows = rowsOf(operation, 'y', y, length);
  checkFloats(operation, 'upstream', upstream, y.length);
  checkFloats(operation, 'gradient', gradient, y.length);
  checkApart(operation, gradient, [y], 'none');
  checkApart(operation, gradient, [upstream], 'same memory');
  return {
    units: rows,
    run(begin, end) {
      for (let row = begin; row < end; row++) {
        const at = row * length;
        const sum = rowSum(upstream, at, length, kind === 'softmax' ? y : null);
        for (let i = at; i < at + length; i++) {
          gradient[i] =
            kind === 'softmax' ? y[i] * Math.fround(upstream[i] - sum) : fmaf(-exp(y[i]), sum, upstream[i]);
        }
      }
    },
  };
}
