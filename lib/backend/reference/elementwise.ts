// Reference operations that treat elements one by one.
import type { Activation } from '../../../binding.js';
import { fmaf } from '../../numerics/fmaf.js';
import { activationGradientOf, activationOf } from './activation.js';
import { checkApart, checkFloats, lengthOf, oneOf } from './checks.js';
import type { Work } from './jobs.js';

const UNIT = 4096;

/** Cuts `length` elements into units; `each` treats the elements [begin, end). */
export function elements(length: number, each: (begin: number, end: number) => void): Work {
  return {
    units: Math.ceil(length / UNIT),
    run: (begin, end) => each(begin * UNIT, Math.min(end * UNIT, length)),
  };
}

export function activateWork(activation: Activation, x: Float32Array, y: Float32Array): Work {
  const apply = activationOf('activate', activation);
  checkFloats('activate', 'y', y, lengthOf('activate', 'x', x));
  checkApart('activate', y, [x], 'same memory');
  return elements(x.length, (begin, end) => {
    if (apply === null) y.set(x.subarray(begin, end), begin);
    else for (let i = begin; i < end; i++) y[i] = apply(x[i]);
  });
}

export function activateGradientWork(
  activation: Activation,
  values: Float32Array,
  upstream: Float32Array,
  gradient: Float32Array,
): Work {
  const derive = activationGradientOf('activateGradient', activation);
  const length = lengthOf('activateGradient', 'values', values);
  checkFloats('activateGradient', 'upstream', upstream, length);
  checkFloats('activateGradient', 'gradient', gradient, length);
  checkApart('activateGradient', gradient, [values, upstream], 'same memory');
  return elements(length, (begin, end) => {
    for (let i = begin; i < end; i++) gradient[i] = derive(values[i], upstream[i]);
  });
}

export function binaryWork(kind: 'add' | 'mul', a: Float32Array, b: Float32Array, y: Float32Array): Work {
  oneOf('binary', 'kind', kind, ['add', 'mul']);
  const length = lengthOf('binary', 'a', a);
  checkFloats('binary', 'b', b, length);
  checkFloats('binary', 'y', y, length);
  checkApart('binary', y, [a, b], 'same memory');
  return elements(length, (begin, end) => {
    // The double sum or product of two floats, rounded to float32 by the store, is the float32 one.
    if (kind === 'add') for (let i = begin; i < end; i++) y[i] = a[i] + b[i];
    else for (let i = begin; i < end; i++) y[i] = a[i] * b[i];
  });
}

export function modulusWork(x: Float32Array, y: Float32Array): Work {
  const length = lengthOf('modulus', 'y', y);
  checkFloats('modulus', 'x', x, 2 * length);
  checkApart('modulus', y, [x], 'none');
  return elements(length, (begin, end) => {
    for (let i = begin; i < end; i++) {
      const re = x[2 * i];
      const im = x[2 * i + 1];
      y[i] = Math.sqrt(fmaf(im, im, Math.fround(re * re)));
    }
  });
}
