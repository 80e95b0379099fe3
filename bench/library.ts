// The library under test, as it ships: the compiled package in dist/, never the sources.

import type * as Backend from '../lib/backend/index.js';
import type * as Convkit from '../lib/index.js';

/** The repository's root; this file runs from bench/build/. */
export const root = new URL('../../', import.meta.url);

/** Loads the built library. */
export async function loadLibrary(): Promise<{ convkit: typeof Convkit; engine: typeof Backend }> {
  const convkit = (await import(new URL('dist/index.js', root).href)) as typeof Convkit;
  const engine = (await import(new URL('dist/backend/index.js', root).href)) as typeof Backend;
  return { convkit, engine };
}
