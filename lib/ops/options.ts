// Options objects as users give them: known names, whole numbers, one value per dimension.
// What an option means is for the operation to say.

import type { Triple } from '../../binding.js';
import { show, wrongType, wrongValue } from '../errors.js';

/** The largest size, stride or padding: what the engine's 32-bit tables can index. */
const LARGEST = 2 ** 31 - 1;

/** Steps to turn one word into another: insertions, deletions and replacements, capitals aside. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1].toLowerCase() === b[j - 1].toLowerCase() ? 0 : 1);
      current.push(Math.min(replaced, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}

/** The known word that was probably meant: `did you mean 'stride'?`, or the whole list where none is near. */
export function suggestion(word: string, known: readonly string[]): string {
  return didYouMean(word, known) ?? `known are ${known.map((name) => `'${name}'`).join(', ')}`;
}

function didYouMean(word: string, known: readonly string[]): string | undefined {
  const plain = word.slice(0, 64).replaceAll('_', '');
  let nearest = '';
  let best = Math.max(2, Math.floor(plain.length / 3)) + 1;
  for (const candidate of known) {
    const steps = distance(plain, candidate);
    if (steps < best) {
      best = steps;
      nearest = candidate;
    }
  }
  return nearest === '' ? undefined : `did you mean '${nearest}'?`;
}

/** The options as an object, every name of which is known. `undefined` and `null` are no options at all. */
export function knownOptions<T extends object>(
  options: T | null | undefined,
  known: readonly string[],
  operation: string,
): Partial<T> {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw wrongType(operation, `options must be an object, not ${show(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw wrongType(operation, `there is no option ${show(key)}`, suggestion(key, known));
    }
  }
  return options;
}

/** A value that nobody can change in place. */
const isPlain = (value: unknown): boolean =>
  value === null || (typeof value !== 'object' && typeof value !== 'function');

/**
 * `parse` that answers with what it last made where it is given the same options again, all of them numbers or words: checking
 * them takes longer than a small layer. What `parse` makes must never be changed.
 */
export function rememberingLast<O extends object, S>(
  parse: (options: O | null | undefined) => S,
): (options: O | null | undefined) => S {
  let names: readonly string[] | null = null;
  let values: readonly unknown[] = [];
  let made: S;
  return (options) => {
    if (
      typeof options !== 'object' ||
      options === null ||
      Object.getPrototypeOf(options) !== Object.prototype
    )
      return parse(options);
    const keys = Object.keys(options) as (keyof O & string)[];
    let same = names !== null && names.length === keys.length;
    for (let i = 0; same && i < keys.length; i++) {
      same = names?.[i] === keys[i] && Object.is(values[i], options[keys[i]]);
    }
    if (same) return made;
    const parsed = parse(options);
    const given = keys.map((key) => options[key]);
    if (given.every(isPlain)) {
      names = keys;
      values = given;
      made = parsed;
    }
    return parsed;
  };
}

/** A whole number from `least` up. `law` is the sentence for one below. */
export function wholeNumber(
  value: unknown,
  least: number,
  name: string,
  law: string,
  operation: string,
): number {
  if (typeof value !== 'number') {
    throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
  }
  if (!Number.isInteger(value)) {
    throw wrongValue(operation, `${name} must be a whole number, but got ${name}=${show(value)}`);
  }
  if (value < least) throw wrongValue(operation, `${law}, but got ${name}=${show(value)}`);
  if (value > LARGEST) {
    throw wrongValue(operation, `${name} must be at most ${LARGEST}, but got ${name}=${show(value)}`);
  }
  return value + 0;
}

/** One number for every dimension, or a list of one per dimension. */
export type PerDimension = number | readonly number[];

/** The rank's dimensions filled up with `unit` in front, so that all work is three-dimensional. */
export function toTriple(values: readonly number[], unit: number): Triple {
  const missing = 3 - values.length;
  return [missing > 0 ? unit : values[0], missing > 1 ? unit : values[1 - missing], values[2 - missing]];
}

/** A `PerDimension` option as three whole numbers. */
export function perDimension(
  value: unknown,
  rank: number,
  limits: { name: string; least: number; law: string; unit: number },
  operation: string,
): Triple {
  const { name, least, law, unit } = limits;
  if (!Array.isArray(value)) {
    const size = wholeNumber(value, least, name, law, operation);
    return [rank > 2 ? size : unit, rank > 1 ? size : unit, size];
  }
  if (value.length !== rank) {
    throw wrongValue(
      operation,
      `expected ${name} to be a single number or a list of ${rank} numbers, but got ${name}=${show(value)}`,
    );
  }
  const sizes = Array.from(value, (size: unknown) => wholeNumber(size, least, name, law, operation));
  return toTriple(sizes, unit);
}

/** One of a list of words. */
export function oneOf<T extends string>(
  value: unknown,
  known: readonly T[],
  name: string,
  operation: string,
): T {
  for (const word of known) if (value === word) return word;
  if (typeof value !== 'string') {
    throw wrongType(operation, `${name} must be a string, not ${show(value)}`);
  }
  const words = known.map((word) => `'${word}'`).join(', ');
  throw wrongValue(
    operation,
    `${name} must be one of {${words}}, but got ${name}=${show(value)}`,
    didYouMean(value, known),
  );
}

/** true or false. */
export function flag(value: unknown, name: string, operation: string): boolean {
  if (typeof value === 'boolean') return value;
  throw wrongType(operation, `${name} must be true or false, not ${show(value)}`);
}
