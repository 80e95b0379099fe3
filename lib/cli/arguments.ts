// The arguments of every subcommand, read strictly: what is unknown is an error with a sentence.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf, wrongValue } from '../errors.js';

/** The options and the words between them. @throws RangeError where an option is unknown or lacks its value. */
export function parsedArguments<const T extends NonNullable<ParseArgsConfig['options']>>(
  command: string,
  argv: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const law = messageOf(error);
    throw wrongValue(command, law.replaceAll('\n', ' '), `see convkit ${command} --help`);
  }
}
