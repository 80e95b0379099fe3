// What networks that classify are asked for.

import { knownOptions, wholeNumber } from '../ops/options.js';

export interface ClassifierOptions {
  /** How many classes there are; 1000, ImageNet's. */
  numClasses?: number;
}

/** The number of classes, checked. */
export function numClassesOf(options: ClassifierOptions | undefined, label: string): number {
  const { numClasses = 1000 } = knownOptions(options, ['numClasses'], label);
  return wholeNumber(numClasses, 1, 'numClasses', 'numClasses must be positive', label);
}
