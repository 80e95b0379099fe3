// Masks of dropout: one word of Philox an element.
import { show, wrongType, wrongValue } from '../../errors.js';
import { philox } from '../../numerics/philox.js';
import { lengthOf } from './checks.js';
import type { Work } from './jobs.js';

const UNIT = 4096;
const WORD = 2 ** 32 - 1;

function checkedWord(name: string, value: number): number {
  if (typeof value !== 'number')
    throw wrongType('dropoutMask', `${name} must be a number, got ${show(value)}`);
  if (!Number.isInteger(value) || value < 0 || value > WORD)
    throw wrongValue('dropoutMask', `${name} must be an integer from 0 to ${WORD}, got ${show(value)}`);
  return value;
}

export function dropoutMaskWork(
  seedLow: number,
  seedHigh: number,
  streamLow: number,
  streamHigh: number,
  probability: number,
  mask: Float32Array,
): Work {
  const key = [checkedWord('seedLow', seedLow), checkedWord('seedHigh', seedHigh)] as const;
  checkedWord('streamLow', streamLow);
  checkedWord('streamHigh', streamHigh);
  if (typeof probability !== 'number')
    throw wrongType('dropoutMask', `probability must be a number, got ${show(probability)}`);
  if (!(probability >= 0 && probability < 1))
    throw wrongValue('dropoutMask', `probability must be from 0 to below 1, got ${show(probability)}`);
  const length = lengthOf('dropoutMask', 'mask', mask);
  const kept = Math.fround(1 / (1 - probability));
  const least = probability * 16777216;
  const words = new Uint32Array(4);
  return {
    units: Math.ceil(length / UNIT),
    run(begin, end) {
      for (let i = begin * UNIT; i < Math.min(end * UNIT, length); i += 4) {
        words.set([i / 4, i / 4 / 2 ** 32, streamLow, streamHigh]);
        philox(words, key, words);
        for (let k = 0; k < 4 && i + k < length; k++) mask[i + k] = words[k] >>> 8 < least ? 0 : kept;
      }
    },
  };
}
