// Cross-entropy of log-probabilities and targets, row by row.
import { show, wrongType, wrongValue } from '../../errors.js';
import { exp } from '../../numerics/elementary.js';
import { fmaf } from '../../numerics/fmaf.js';
import { checkApart, checkFloats, lengthOf } from './checks.js';
import type { Work } from './jobs.js';
import { rowSum } from './rows.js';

interface Loss {
  readonly rows: number;
  readonly length: number;
  /** 1 - smoothing, and smoothing / length. */
  readonly keep: number;
  readonly share: number;
}

function checkedLoss(
  operation: string,
  x: Float32Array,
  targets: Int32Array,
  weight: Float32Array | null,
  smoothing: number,
): Loss {
  if (typeof smoothing !== 'number')
    throw wrongType(operation, `smoothing must be a number, got ${show(smoothing)}`);
  if (!(smoothing >= 0 && smoothing <= 1))
    throw wrongValue(operation, `smoothing must be from 0 to 1, got ${show(smoothing)}`);
  if (!(targets instanceof Int32Array))
    throw wrongType(operation, `targets must be an Int32Array, got ${show(targets)}`);
  const rows = targets.length;
  const length = rows === 0 ? 1 : Math.floor(lengthOf(operation, 'logProbabilities', x) / rows);
  checkFloats(operation, 'logProbabilities', x, rows * length);
  for (const target of targets) {
    if (target < -1 || target >= length)
      throw wrongValue(operation, `targets must be from -1 to ${length - 1}, got ${target}`);
  }
  if (weight !== null && rows > 0) checkFloats(operation, 'weight', weight, length);
  return { rows, length, keep: Math.fround(1 - smoothing), share: Math.fround(smoothing / length) };
}

export function crossEntropyWork(
  x: Float32Array,
  targets: Int32Array,
  weight: Float32Array | null,
  smoothing: number,
  losses: Float32Array,
): Work {
  const operation = 'crossEntropy';
  const { rows, length, keep, share } = checkedLoss(operation, x, targets, weight, smoothing);
  checkFloats(operation, 'losses', losses, rows);
  checkApart(operation, losses, [x], 'none');
  return {
    units: rows,
    run(begin, end) {
      for (let row = begin; row < end; row++) {
        const target = targets[row];
        if (target < 0) {
          losses[row] = 0;
          continue;
        }
        const at = row * length;
        const own = x[at + target];
        const taken = weight === null ? own : Math.fround(weight[target] * own);
        const loss = Math.fround(keep * -taken);
        losses[row] = (share === 0 ? loss : fmaf(-share, rowSum(x, at, length, weight, 0), loss)) + 0;
      }
    },
  };
}

export function crossEntropyGradientWork(
  x: Float32Array,
  targets: Int32Array,
  weight: Float32Array | null,
  smoothing: number,
  upstream: Float32Array,
  gradient: Float32Array,
): Work {
  const operation = 'crossEntropyGradient';
  const { rows, length, keep, share } = checkedLoss(operation, x, targets, weight, smoothing);
  checkFloats(operation, 'upstream', upstream, rows);
  checkFloats(operation, 'gradient', gradient, x.length);
  checkApart(operation, gradient, [x, upstream], 'none');
  const total = weight === null ? Math.fround(length) : rowSum(weight, 0, rows === 0 ? 0 : length);
  return {
    units: rows,
    run(begin, end) {
      for (let row = begin; row < end; row++) {
        const at = row * length;
        const target = targets[row];
        if (target < 0) {
          gradient.fill(0, at, at + length);
          continue;
        }
        const kept = weight === null ? keep : Math.fround(keep * weight[target]);
        const factor = fmaf(share, total, kept);
        for (let i = 0; i < length; i++) {
          const own = weight === null ? share : Math.fround(share * weight[i]);
          gradient[at + i] = fmaf(exp(x[at + i]), factor, 0 - own);
        }
        gradient[at + target] -= kept;
        for (let i = at; i < at + length; i++) gradient[i] *= upstream[row];
      }
    },
  };
}
