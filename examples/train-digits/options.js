// The command line of the example.

import { parseArgs } from 'node:util';
import { DEFAULT_FOLDER } from './digits.js';

export const HELP = `Trains a small convolutional network on MNIST's handwritten digits.

  node examples/train-digits [options]

  --data FOLDER       the four files of digits; or each by itself:
  --train-images FILE --train-labels FILE --test-images FILE --test-labels FILE
  --digits N          train on the first N digits only
  --epochs N          10
  --batch N           64
  --rate R            the highest learning rate of the one-cycle schedule: 0.01
  --seed N            1; the same seed gives the same weights on every machine
  --out FOLDER        where the checkpoint and pictures go: train-digits-out
  --every N           batches from one checkpoint to the next: 50; one is made after each epoch in any case
  --resume            go on from the checkpoint in --out
  --help              this text
`;

export class UsageError extends Error {}

/** @throws UsageError */
export function readOptions(args) {
  const text = { type: 'string' };
  const names = ['data', 'digits', 'epochs', 'batch', 'rate', 'seed', 'out', 'every'];
  const files = ['train-images', 'train-labels', 'test-images', 'test-labels'];
  let values;
  try {
    const options = Object.fromEntries([...names, ...files].map((name) => [name, text]));
    const flags = { resume: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } };
    ({ values } = parseArgs({ args, options: { ...options, ...flags }, allowPositionals: false }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  const number = (name, usual, least) => {
    const value = values[name] === undefined ? usual : Number(values[name]);
    const whole = name === 'rate' || value === Infinity || Number.isSafeInteger(value);
    if (whole && value >= least) return value;
    throw new UsageError(`--${name} must be a number from ${least} up, not '${values[name]}'`);
  };
  return {
    help: values.help,
    resume: values.resume,
    folder: values.data ?? DEFAULT_FOLDER,
    files: Object.fromEntries(files.map((name) => [name, values[name]])),
    digits: number('digits', Infinity, 1),
    epochs: number('epochs', 10, 1),
    batch: number('batch', 64, 2),
    rate: number('rate', 0.01, 0),
    seed: number('seed', 1, 0),
    out: values.out ?? 'train-digits-out',
    every: number('every', 50, 1),
  };
}
