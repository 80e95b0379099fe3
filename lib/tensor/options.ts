// Options of tensors' own methods: one or two names, so that a sentence can list them.

import { show, wrongType } from '../errors.js';

/** Options of which every name is known; `example` shows how they are written. */
export function checkedOptions<T extends object>(
  options: T | undefined,
  known: string,
  operation: string,
  example: string,
): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null) {
    throw wrongType(operation, `options must be an object such as ${example}, not ${show(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (key !== known)
      throw wrongType(operation, `there is no option ${show(key)}`, `the only one is '${known}'`);
  }
  return options;
}
