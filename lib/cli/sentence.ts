// How a subcommand ends where something foreseen is in its way: with one sentence on stderr, and exit code 1.

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
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(new RegExp(`^(${command}|summary): `), '');
}
