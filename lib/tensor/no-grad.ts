// The part of a program that asks for no gradients.

import { show, wrongType } from '../errors.js';
import { withoutRecording } from './graph.js';

/**
 * Calls `fn` and gives back its result. Nothing computed inside is recorded for gradients. That holds for everything `fn`
 * calls and for whatever asynchronous work it begins, to its end: `await noGrad(async () => …)` covers all of the function,
 * while another task that computes in between goes on recording.
 *
 * @example
 * noGrad(() => ops.relu(Tensor.from([-1, 2]))).toArray(); // [0, 2]
 */
export function noGrad<T>(fn: () => T): T {
  if (typeof fn !== 'function') throw wrongType('noGrad', `expected a function, not ${show(fn)}`);
  return withoutRecording(fn);
}
