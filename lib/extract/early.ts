// The first images, read while the model is still being made: one thread does that, and the others would have nothing to do.

import type { ReadImage, ReadOptions } from './features.js';

/** Reads an image file as a model takes it. */
export type ReadFile = (file: string, options: ReadOptions) => Promise<ReadImage>;

/** Files that are read early: two batches of a network. */
const MOST = 16;
/** All of them lie decoded in memory where nobody has time to resize them: 200 MB at most, where larger ones wait for their turn. */
const MOST_PIXELS = 1 << 22;

/**
 * Begins to read the first of `files`, and gives what hands them out as they are asked for and reads all others then. What
 * cannot be read early is read once more in its turn, which says why it cannot be.
 */
export function readEarly(files: readonly string[], read: ReadFile): ReadFile {
  const early = new Map<string, Promise<ReadImage | null>>();
  for (const file of files.slice(0, MOST)) {
    const image = read(file, { maxPixels: MOST_PIXELS }).catch(() => null);
    early.set(file, image);
  }
  return async (file, options) => {
    const begun = options.maxPixels < MOST_PIXELS ? undefined : early.get(file);
    early.delete(file);
    return (await begun) ?? read(file, options);
  };
}
