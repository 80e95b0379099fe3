// Reference operations that treat elements one by one.
import type { Activation } from '../../../binding.js';
import { fmaf } from '../../numerics/fmaf.js';
import { activationGradientOf, activationOf } from './activation.js';
import { checkApart, checkFloats, lengthOf } from './checks.js';
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

export function modulusGradientWork(x: Float32Array, upstream: Float32Array, gradient: Float32Array): Work {
  const length = lengthOf('modulusGradient', 'upstream', upstream);
  checkFloats('modulusGradient', 'x', x, 2 * length);
  checkFloats('modulusGradient', 'gradient', gradient, 2 * length);
  checkApart('modulusGradient', gradient, [x, upstream], 'none');
  return elements(length, (begin, end) => {
    for (let i = begin; i < end; i++) {
      const re = x[2 * i];
      const im = x[2 * i + 1];
      const modulus = Math.fround(Math.sqrt(fmaf(im, im, Math.fround(re * re))));
      gradient[2 * i] = 0 < modulus ? upstream[i] * Math.fround(re / modulus) : 0;
      gradient[2 * i + 1] = 0 < modulus ? upstream[i] * Math.fround(im / modulus) : 0;
    }
  });
}
