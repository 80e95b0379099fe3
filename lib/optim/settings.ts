// Settings of optimisers, checked in PyTorch's words.

import { show, wrongType, wrongValue } from '../errors.js';

/** A finite number from 0 up. `name` is how PyTorch's sentence calls it: 'learning rate'. */
export function atLeastZero(value: unknown, name: string, label: string): void {
  if (typeof value !== 'number') throw wrongType(label, `${name} must be a number, not ${show(value)}`);
  if (!(value >= 0 && value < Infinity)) {
    throw wrongValue(label, `Invalid ${name}: ${value}`, 'it must be a finite number from 0 up');
  }
}

export function checkFlag(value: unknown, name: string, label: string): void {
  if (typeof value !== 'boolean') throw wrongType(label, `${name} must be true or false, not ${show(value)}`);
}

/** Two numbers in [0, 1). */
export function checkBetas(value: unknown, label: string): void {
  if (!Array.isArray(value) || value.length !== 2) {
    throw wrongType(label, `betas must be two numbers, not ${show(value)}`);
  }
  value.forEach((beta: unknown, i) => {
    if (typeof beta !== 'number') throw wrongType(label, `betas must be two numbers, not ${show(value)}`);
    if (!(beta >= 0 && beta < 1)) {
      throw wrongValue(
        label,
        `Invalid beta parameter at index ${i}: ${beta}`,
        'it must be at least 0 and below 1',
      );
    }
  });
}
