// The library under test, as it ships: the compiled package in dist/, never the sources.

import type * as Backend from '../lib/backend/index.js';
import type * as Convkit from '../lib/index.js';
import type * as Trace from '../lib/ops/trace.js';

/** The repository's root, above bench/build/ where this runs and bench/ where tests read it. */
export const root = new URL(import.meta.url.includes('/bench/build/') ? '../../' : '../', import.meta.url);

/** Loads the built library. */
export async function loadLibrary(): Promise<{ convkit: typeof Convkit; engine: typeof Backend }> {
  const convkit = (await import(new URL('dist/index.js', root).href)) as typeof Convkit;
  const engine = (await import(new URL('dist/backend/index.js', root).href)) as typeof Backend;
  return { convkit, engine };
}

/** What watches the library's operations: it tells which algorithm a layer is computed by. */
export async function loadTrace(): Promise<typeof Trace> {
  return (await import(new URL('dist/ops/trace.js', root).href)) as typeof Trace;
}
