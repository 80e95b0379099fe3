// How a subcommand ends where something foreseen is in its way: with one sentence on stderr, and exit code 1.

import { messageOf } from '../errors.js';

/** Runs a subcommand. Gives its exit code, or 1 where it throws; who threw is said once, in front. */
export async function withSentence(command: string, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    process.stderr.write(`convkit ${command}: ${sentenceOf(error, command)}\n`);
    return 1;
  }
}

/** What went wrong, without the subcommand's own name, or that of lists of layers, which several read. */
export function sentenceOf(error: unknown, command: string): string {
  const file = error instanceof Error && 'path' in error ? `${String(error.path)}: ` : '';
  const reason = fileReason(error);
  if (reason !== undefined) return `${file}${reason}`;
  return messageOf(error).replace(new RegExp(`^(${command}|summary): `), '');
}

/** Why a file that was named could not be read. */
export const readingFailure = (error: unknown): string => fileReason(error) ?? messageOf(error);

const FILE_REASONS = new Map<unknown, string>([
  ['ENOENT', 'no such file or folder'],
  ['EACCES', 'this user may not open it'],
  ['EISDIR', 'it is a folder, not a file'],
  ['ENOTDIR', 'a part of its path is a file, not a folder'],
]);

/** What the system said of a file, in words: its own begin with a code and name the call. */
const fileReason = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? FILE_REASONS.get(error.code) : undefined;
