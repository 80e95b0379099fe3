// The environment variables that choose the backend, read once when an isolate first needs it.
import type { Isa } from '../../binding.js';
import { wrongValue } from '../errors.js';

export type BackendName = 'native' | 'reference';

export const ISAS: readonly Isa[] = ['scalar', 'avx2', 'avx512', 'neon'];
export const MAX_THREADS = 1024;

/** An empty variable counts as none. */
function read(name: string): string | null {
  const value = process.env[name]?.trim();
  return value === undefined || value === '' ? null : value;
}

/** CONVKIT_BACKEND. @throws RangeError for a name that is none */
export function backendFromEnvironment(): BackendName | null {
  const value = read('CONVKIT_BACKEND');
  if (value === null || value === 'native' || value === 'reference') return value;
  throw wrongValue('backend', `CONVKIT_BACKEND must be native or reference, got '${value}'`);
}

/** CONVKIT_ISA. @throws RangeError for a name that is none */
export function isaFromEnvironment(): Isa | null {
  const value = read('CONVKIT_ISA');
  if (value === null) return null;
  const isa = ISAS.find((known) => known === value);
  if (isa === undefined)
    throw wrongValue('backend', `CONVKIT_ISA must be one of ${ISAS.join(', ')}, got '${value}'`);
  return isa;
}

export interface ThreadChoice {
  readonly count: number;
  readonly from: string;
}

/**
 * CONVKIT_NUM_THREADS, or else OMP_NUM_THREADS, whose list of nesting levels counts by its first number.
 *
 * @throws RangeError where the value is no number of threads
 */
export function threadsFromEnvironment(): ThreadChoice | null {
  for (const name of ['CONVKIT_NUM_THREADS', 'OMP_NUM_THREADS']) {
    const value = read(name);
    if (value === null) continue;
    const first = name === 'OMP_NUM_THREADS' ? value.split(',')[0].trim() : value;
    const count = Number(first);
    if (!/^\d+$/.test(first) || count < 1 || count > MAX_THREADS)
      throw wrongValue('backend', `${name} must be an integer from 1 to ${MAX_THREADS}, got '${value}'`);
    return { count, from: name };
  }
  return null;
}
