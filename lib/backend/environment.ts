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

/** A number of threads as a variable spells it, or null. */
function threadCount(value: string): number | null {
  const count = Number(value);
  return /^\d+$/.test(value) && count >= 1 && count <= MAX_THREADS ? count : null;
}

/**
 * CONVKIT_NUM_THREADS, or else OMP_NUM_THREADS, whose list of nesting levels counts by its first number. The latter is
 * often set for others: a value that is no number of threads, such as 0 or 'dynamic', says nothing here.
 *
 * @throws RangeError where CONVKIT_NUM_THREADS is no number of threads
 */
export function threadsFromEnvironment(): ThreadChoice | null {
  const own = read('CONVKIT_NUM_THREADS');
  if (own !== null) {
    const count = threadCount(own);
    if (count === null) {
      throw wrongValue(
        'backend',
        `CONVKIT_NUM_THREADS must be an integer from 1 to ${MAX_THREADS}, got '${own}'`,
      );
    }
    return { count, from: 'CONVKIT_NUM_THREADS' };
  }
  const count = threadCount(read('OMP_NUM_THREADS')?.split(',')[0].trim() ?? '');
  return count === null ? null : { count, from: 'OMP_NUM_THREADS' };
}
