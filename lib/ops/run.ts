// Every operation is prepared first (checked, sized, its input in the right layout, its output allocated) and then
// run: at once, or in the background. What is prepared here never needs checking again.

import type { Job } from '../../binding.js';
import { BackendError, show, wrongType } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { knownOptions } from './options.js';

/** One call of the backend, ready to be made. */
export interface Step {
  /** Computes its output now. */
  run(): void;
  /** Begins to compute it off this thread. */
  submit(): Job;
}

/** An operation ready to run. */
export interface Prepared extends Step {
  readonly output: Tensor;
}

export interface ForwardOptions {
  /** Aborting rejects the promise with the signal's reason and drops what is not yet computed. */
  signal?: AbortSignal;
}

/** An output that needs no computing: an empty batch, or elements that were only moved. */
export function finished(output: Tensor): Prepared {
  return {
    output,
    run: () => {},
    submit: () => ({ finished: Promise.resolve('done'), cancel: () => {} }),
  };
}

/** What was prepared, its output under another shape or name. */
export function withOutput(prepared: Prepared, output: Tensor): Prepared {
  return { output, run: () => prepared.run(), submit: () => prepared.submit() };
}

/** Several calls of the backend as one operation, each after the one before. */
export function inOrder(output: Tensor, steps: readonly Step[]): Prepared {
  return {
    output,
    run() {
      for (const step of steps) step.run();
    },
    submit() {
      let cancelled = false;
      let current: Job | undefined;
      const submitAll = async (): Promise<'done' | 'cancelled'> => {
        for (const step of steps) {
          if (cancelled) return 'cancelled';
          current = step.submit();
          if ((await current.finished) === 'cancelled') return 'cancelled';
        }
        return 'done';
      };
      return {
        finished: submitAll(),
        cancel() {
          cancelled = true;
          current?.cancel();
        },
      };
    },
  };
}

export function runNow(prepared: Prepared): Tensor {
  prepared.run();
  return prepared.output;
}

/** The signal among the options of an asynchronous call. */
export function checkedSignal(
  options: ForwardOptions | undefined,
  operation: string,
): AbortSignal | undefined {
  const { signal } = knownOptions(options, ['signal'], operation);
  if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal)) {
    throw wrongType(operation, `signal must be an AbortSignal, not ${show(signal)}`);
  }
  return signal ?? undefined;
}

/**
 * Prepares at once, so that the caller's tensors are free when this returns its promise, and computes in the
 * background. Everything wrong, wrong input too, rejects the promise.
 */
export async function runInBackground(
  prepare: () => Prepared,
  options: ForwardOptions | undefined,
  operation: string,
): Promise<Tensor> {
  const signal = checkedSignal(options, operation);
  signal?.throwIfAborted();
  const prepared = prepare();
  await finishedOrAborted(prepared.submit(), signal, operation);
  return prepared.output;
}

/** Waits for a job; once the signal is aborted, cancels it and rejects with the signal's reason. */
export async function finishedOrAborted(
  job: Job,
  signal: AbortSignal | undefined,
  operation: string,
): Promise<void> {
  if ((await (signal === undefined ? job.finished : endingOrAborted(job, signal))) === 'done') return;
  throw new BackendError(`${operation}: the computation was cancelled because its environment is ending`);
}

async function endingOrAborted(job: Job, signal: AbortSignal): Promise<'done' | 'cancelled'> {
  let ignore = (): void => {};
  const abortion = new Promise<never>((_, reject) => {
    ignore = whenAborted(signal, () => {
      job.cancel();
      reject(signal.reason);
    });
  });
  try {
    return await Promise.race([job.finished, abortion]);
  } finally {
    ignore();
  }
}

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `act` once the signal is aborted, unless the function it gives back was called before. One listener serves all that
 * wait for a signal: Node warns of a leak where a server's hundred requests add a hundred.
 */
export function whenAborted(signal: AbortSignal, act: () => void): () => void {
  const present = waiting.get(signal);
  const acts = present ?? new Set();
  acts.add(act);
  const all = (): void => {
    for (const each of acts) each();
  };
  if (present === undefined) {
    waiting.set(signal, acts);
    signal.addEventListener('abort', all, { once: true });
  }
  return () => {
    acts.delete(act);
  };
}
