// Reference steps of optimisers, and what gradients are clipped by: each element as binding.d.ts writes it down.
import type { AdamStep, SgdStep } from '../../../binding.js';
import { show, wrongType } from '../../errors.js';
import { fmaf } from '../../numerics/fmaf.js';
import { checkApart, checkFloats, lengthOf } from './checks.js';
import { elements } from './elementwise.js';
import type { Work } from './jobs.js';

const { fround } = Math;

function number(operation: string, name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, got ${show(value)}`);
  return fround(value);
}

function flag(operation: string, name: string, value: unknown): boolean {
  if (typeof value !== 'boolean')
    throw wrongType(operation, `${name} must be true or false, got ${show(value)}`);
  return value;
}

function checkStep(operation: string, step: unknown): void {
  if (typeof step !== 'object' || step === null)
    throw wrongType(operation, `step must be an object, got ${show(step)}`);
}

/** Arrays of one length, none of which shares memory with another. */
function checkArrays(operation: string, arrays: Readonly<Record<string, Float32Array>>): number {
  const [first] = Object.entries(arrays);
  const length = lengthOf(operation, ...first);
  const seen: Float32Array[] = [];
  for (const [name, array] of Object.entries(arrays)) {
    checkFloats(operation, name, array, length);
    checkApart(operation, array, seen, 'none');
    seen.push(array);
  }
  return length;
}

export function sgdWork(
  step: SgdStep,
  parameter: Float32Array,
  gradient: Float32Array,
  momentum: Float32Array | null,
): Work {
  const operation = 'sgdStep';
  checkStep(operation, step);
  const rate = number(operation, 'rate', step.rate);
  const decay = number(operation, 'decay', step.decay);
  const factor = number(operation, 'momentum', step.momentum);
  const keep = number(operation, 'keep', step.keep);
  const sign = flag(operation, 'maximize', step.maximize) ? -1 : 1;
  const nesterov = flag(operation, 'nesterov', step.nesterov);
  const first = flag(operation, 'first', step.first);
  const arrays = { parameter, gradient, ...(momentum === null ? {} : { momentum }) };
  return elements(checkArrays(operation, arrays), (begin, end) => {
    for (let i = begin; i < end; i++) {
      const p = parameter[i];
      const g = fmaf(decay, p, sign * gradient[i]);
      let d = g;
      if (momentum !== null) {
        const m = first ? g : fmaf(factor, momentum[i], fround(keep * g));
        momentum[i] = m;
        d = nesterov ? fmaf(factor, m, g) : m;
      }
      parameter[i] = fmaf(-rate, d, p);
    }
  });
}

export function adamWork(
  step: AdamStep,
  parameter: Float32Array,
  gradient: Float32Array,
  mean: Float32Array,
  variance: Float32Array,
  largest: Float32Array | null,
): Work {
  const operation = 'adamStep';
  checkStep(operation, step);
  const rate = number(operation, 'rate', step.rate);
  const root = number(operation, 'root', step.root);
  const eps = number(operation, 'eps', step.eps);
  const fresh1 = number(operation, 'fresh1', step.fresh1);
  const fresh2 = number(operation, 'fresh2', step.fresh2);
  const decay = number(operation, 'decay', step.decay);
  const shrink = number(operation, 'shrink', step.shrink);
  const sign = flag(operation, 'maximize', step.maximize) ? -1 : 1;
  const arrays = { parameter, gradient, mean, variance, ...(largest === null ? {} : { largest }) };
  return elements(checkArrays(operation, arrays), (begin, end) => {
    for (let i = begin; i < end; i++) {
      const p = parameter[i];
      const g = fmaf(decay, p, sign * gradient[i]);
      const m0 = mean[i];
      const m = fmaf(fresh1, fround(g - m0), m0);
      const v0 = variance[i];
      const v = fmaf(fresh2, fmaf(g, g, 0 - v0), v0);
      mean[i] = m;
      variance[i] = v;
      let s = v;
      if (largest !== null) {
        if (largest[i] > v) s = largest[i];
        largest[i] = s;
      }
      const divisor = fround(fround(fround(Math.sqrt(s)) / root) + eps);
      parameter[i] = fmaf(-rate, fround(m / divisor), fmaf(-shrink, p, p));
    }
  });
}

const CHUNK = 4096;
const PARTIALS = 16;

export function sumSquaresWork(x: Float32Array, y: Float32Array): Work {
  const length = lengthOf('sumSquares', 'x', x);
  checkFloats('sumSquares', 'x', x, length);
  checkFloats('sumSquares', 'y', y, 1);
  checkApart('sumSquares', y, [x], 'none');
  return {
    units: 1,
    run() {
      const sums = new Float32Array(PARTIALS);
      let total = 0;
      for (let first = 0; first < length; first += CHUNK) {
        const end = Math.min(first + CHUNK, length);
        sums.fill(0);
        for (let i = first; i < end; i++) {
          const k = (i - first) % PARTIALS;
          sums[k] = fmaf(x[i], x[i], sums[k]);
        }
        for (let step = PARTIALS / 2; step >= 1; step /= 2)
          for (let k = 0; k < step; k++) sums[k] += sums[k + step];
        total = fround(total + sums[0]);
      }
      y[0] = total;
    },
  };
}

export function scaleWork(factor: number, x: Float32Array, y: Float32Array): Work {
  const by = number('scale', 'factor', factor);
  const length = lengthOf('scale', 'x', x);
  checkFloats('scale', 'x', x, length);
  checkFloats('scale', 'y', y, length);
  checkApart('scale', y, [x], 'same memory');
  return elements(length, (begin, end) => {
    for (let i = begin; i < end; i++) y[i] = x[i] * by;
  });
}

export function clampWork(low: number, high: number, x: Float32Array, y: Float32Array): Work {
  const least = number('clamp', 'low', low);
  const most = number('clamp', 'high', high);
  const length = lengthOf('clamp', 'x', x);
  checkFloats('clamp', 'x', x, length);
  checkFloats('clamp', 'y', y, length);
  checkApart('clamp', y, [x], 'same memory');
  return elements(length, (begin, end) => {
    for (let i = begin; i < end; i++) {
      let t = x[i]; // Math.max and Math.min order the zeros
      if (least > t) t = least;
      if (most < t) t = most;
      y[i] = t;
    }
  });
}
