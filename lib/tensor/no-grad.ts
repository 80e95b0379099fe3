// The part of a program that asks for no gradients.

import { show, wrongType } from '../errors.js';

/**
 * Calls `fn` and gives back its result. Nothing computed inside is recorded for gradients.
 *
 * @example
 * const y = noGrad(() => net.forward(x));
 */
export function noGrad<T>(fn: () => T): T {
  if (typeof fn !== 'function') throw wrongType('noGrad', `expected a function, not ${show(fn)}`);
  return fn();
}
