// Class numbers as users have them, checked before anything is computed.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { elementCount, sameShape, showShape } from '../tensor/shape.js';
import { logicalArray, Tensor } from '../tensor/tensor.js';

/** Class numbers: whole numbers from 0 up, in the order of a shape. */
export type Targets =
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | readonly number[]
  | Tensor;

const LISTS = [
  ...[Int32Array, BigInt64Array, Uint8Array, Int8Array],
  ...[Uint16Array, Int16Array, Uint32Array, Array],
];

/**
 * One class for each place of `shape`, below `classes`; -1 where it was `ignored`.
 *
 * @throws TypeError | RangeError where one is fractional or out of range; ShapeError where they are too many or too few.
 */
export function checkedTargets(
  targets: unknown,
  shape: readonly number[],
  classes: number,
  ignored: number,
  operation: string,
): Int32Array {
  if (targets instanceof Tensor && targets.shape.length > 0 && !sameShape(targets.shape, shape)) {
    throw wrongShape(
      operation,
      `Expected target size ${showShape(shape)}, got ${showShape(targets.shape)}`,
      operation === 'crossEntropy'
        ? "give one class number for each row of the logits, or a Tensor of the logits' shape: a distribution for each"
        : 'give one class number for each row of the logits',
    );
  }
  const numbers = numbersOf(targets, operation);
  const count = elementCount(shape);
  if (numbers.length !== count) {
    throw wrongShape(
      operation,
      `Expected input batch_size (${count}) to match target batch_size (${numbers.length})`,
      'give one class number for each row of the logits',
    );
  }
  return Int32Array.from(numbers, (number, i) => {
    const target: unknown = typeof number === 'bigint' ? Number(number) : number;
    if (typeof target !== 'number') {
      throw wrongType(operation, `target ${i} must be a number, not ${show(number)}`);
    }
    if (target === ignored) return -1;
    if (!Number.isInteger(target)) {
      throw wrongValue(operation, `target ${i} must be a whole number, but is ${target}`);
    }
    if (target >= 0 && target < classes) return target;
    throw wrongValue(
      operation,
      `Target ${target} is out of bounds.`,
      `target ${i} must be from 0 to ${classes - 1}`,
    );
  });
}

function numbersOf(targets: unknown, operation: string): ArrayLike<unknown> {
  if (targets instanceof Tensor) return logicalArray(targets, operation);
  for (const List of LISTS) if (targets instanceof List) return targets;
  if (typeof targets === 'number') return [targets];
  throw wrongType(
    operation,
    `target must be an Int32Array or another array of whole numbers, or a Tensor, not ${show(targets)}`,
  );
}
