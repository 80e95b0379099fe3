// A compiled network: runs whole batches in one call of the backend, on the caller's thread or in the background, one after
// another in the order they were asked for.

import { uninitialised } from '../backend/memory.js';
import { SessionError, show, wrongType } from '../errors.js';
import { checkedSignal, type ForwardOptions, finishedOrAborted, whenAborted } from '../ops/run.js';
import { channelsLastArray, ROW_MAJOR } from '../tensor/storage.js';
import { logicalArray, storageOf, Tensor, wrap } from '../tensor/tensor.js';
import { Arena, type Executable } from './executable.js';
import type { Network } from './network.js';
import { type Profile, profiled } from './profile.js';
import { type SessionSummary, summarised } from './summary.js';
import { OWN, type Signature } from './trace.js';

/** One tensor, or those that `outputs` named, or all of a network that gives a record of them. */
export type Outputs = Tensor | Record<string, Tensor>;

/** A run that waits for others. */
interface Waiting {
  start(): Promise<void>;
  drop(reason: unknown): void;
  /** Called when it waits no longer. */
  leave?(): void;
}

/**
 * What `compile` makes. It has its own copy of the weights, taken when it was compiled or by {@link refresh}.
 *
 * @example
 * const session = await compile(net, { inputShape: [1, 3, 224, 224] });
 * const y = await session.run(x);
 */
export class Session<Result extends Outputs = Outputs> {
  readonly #network: Network;
  readonly #maxQueue: number;
  readonly #arenas: Arena[] = [];
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  #closed = false;

  /** @internal */
  constructor(network: Network, maxQueue: number) {
    this.#network = network;
    this.#maxQueue = maxQueue;
  }

  /**
   * The outputs for x, whose shape may differ from `inputShape` in batch and image size. Computed off the event loop; x is
   * taken as it is when this returns its promise. Runs wait for one another in the order they were asked for.
   *
   * @throws (rejects) with the signal's reason once it is aborted; SessionError where more than `maxQueue` runs wait, or after close().
   */
  async run(x: Tensor, options?: ForwardOptions): Promise<Result> {
    const signal = checkedSignal(options, 'session.run');
    signal?.throwIfAborted();
    this.#checkOpen('session.run');
    const executable = this.#executableFor(x, 'session.run');
    if (this.#running !== null && this.#waiting.length >= this.#maxQueue) {
      throw new SessionError(
        'ERR_QUEUE_FULL',
        `session.run: ${this.#waiting.length} runs are waiting already; try again later, or compile with a larger maxQueue`,
      );
    }
    // Its thread wakes up while the input is copied
    const idle = this.#running === null;
    if (idle) executable.binding.expectJob();
    const taken = elements(x, !idle);
    return new Promise<Result>((resolve, reject) => {
      const waiting: Waiting = {
        start: () => {
          if (!idle) executable.binding.expectJob();
          return this.#start(executable, taken, signal).then(resolve, reject);
        },
        drop: reject,
      };
      this.#enqueue(waiting, signal);
    });
  }

  /** The outputs for x, computed on this thread and the pool's; the event loop waits. */
  runSync(x: Tensor): Result {
    this.#checkOpen('session.runSync');
    const executable = this.#executableFor(x, 'session.runSync');
    const { program, input, outputs } = executable.bind(this.#arena());
    input.set(elements(x, false));
    executable.binding.program(program, 0, executable.steps.length);
    return this.#results(executable).from(outputs);
  }

  /** Compiles for a size not run before, and runs it once on zeros: the first run is then as fast as the others. */
  async warmUp(inputShape: readonly number[] = this.#network.inputShape): Promise<void> {
    await this.run(Tensor.zeros(inputShape));
  }

  /** Takes the module's weights as they are now. Runs that were asked for before keep the old ones. */
  refresh(): void {
    this.#checkOpen('session.refresh');
    this.#network.refresh();
  }

  /** @internal The shapes of the outputs for an input of `inputShape`, by their names. */
  outputShapes(): ReadonlyMap<string, readonly number[]> {
    const { inputShape: shape } = this.#network;
    const { outputs } = this.#network.executable({ shape, channelAxis: ROW_MAJOR });
    return new Map(outputs.map((output) => [output.name, output.shape]));
  }

  /** The steps, their algorithms and memory, for `inputShape` or another one; `String(...)` prints a table. */
  summary(inputShape: readonly number[] = this.#network.inputShape): SessionSummary {
    return summarised(this.#network.executable({ shape: inputShape, channelAxis: ROW_MAJOR }));
  }

  /** Runs x several times on this thread, and gives the time of each step; `String(...)` draws bars. */
  profile(x: Tensor, { rounds = 10 }: { rounds?: number } = {}): Profile {
    this.#checkOpen('session.profile');
    const executable = this.#executableFor(x, 'session.profile');
    const arena = this.#arena();
    executable.bind(arena).input.set(elements(x, false));
    return profiled(executable, arena, rounds);
  }

  /** Refuses further runs, and resolves once those already asked for have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running !== null) await this.#running;
    this.#arenas.length = 0;
    this.#network.release();
  }

  #checkOpen(operation: string): void {
    if (this.#closed) throw new SessionError('ERR_CLOSED', `${operation}: the session is closed`);
  }

  #executableFor(x: unknown, operation: string): Executable {
    if (!(x instanceof Tensor)) throw wrongType(operation, `x must be a Tensor, not ${show(x)}`);
    return this.#network.executable(signatureOf(x));
  }

  /** Memory that no run works in. */
  #arena(): Arena {
    const free = this.#arenas.find(({ busy }) => !busy) ?? new Arena();
    if (!this.#arenas.includes(free)) this.#arenas.push(free);
    return free;
  }

  #enqueue(waiting: Waiting, signal: AbortSignal | undefined): void {
    this.#waiting.push(waiting);
    if (this.#running === null) {
      this.#next();
      return;
    }
    if (signal === undefined) return;
    const ignore = whenAborted(signal, () => {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.drop(signal.reason);
    });
    waiting.leave = ignore;
  }

  #next(): void {
    const waiting = this.#waiting.shift();
    waiting?.leave?.();
    this.#running =
      waiting === undefined
        ? null
        : waiting.start().finally(() => {
            this.#next();
          });
  }

  async #start(executable: Executable, x: Float32Array, signal: AbortSignal | undefined): Promise<Result> {
    const arena = this.#arena();
    arena.busy = true;
    const { program, input, outputs } = executable.bind(arena);
    input.set(x);
    const job = executable.binding.submit('program', program, 0, executable.steps.length);
    try {
      const results = this.#results(executable); // while it computes
      await finishedOrAborted(job, signal, 'session.run');
      return results.from(outputs);
    } finally {
      // A cancelled job may still be on its way out of the arena
      await job.finished.catch(() => {});
      arena.busy = false;
    }
  }

  /** Tensors for what a run gives, to be filled from where it lies in the end. */
  #results(executable: Executable): { from(outputs: readonly Float32Array[]): Result } {
    const { outputs } = executable;
    const memory = outputs.map(({ view }) => uninitialised(view.length));
    const tensors = outputs.map(({ channelAxis, shape }, k) => wrap(memory[k], channelAxis, shape));
    const single = !this.#network.named && outputs.length === 1 && outputs[0].name === OWN;
    const results: Outputs = single
      ? tensors[0]
      : Object.fromEntries(outputs.map(({ name }, k) => [name, tensors[k]]));
    return {
      from(made) {
        for (let k = 0; k < memory.length; k++) memory[k].set(made[k]);
        return results as Result;
      },
    };
  }
}

/** How a tensor lies; what the network is traced for. */
function signatureOf(x: Tensor): Signature {
  return { shape: x.shape, channelAxis: storageOf(x).channelAxis };
}

/** The elements as they lie; `lasting` where they are read after this call returns. */
function elements(x: Tensor, lasting: boolean): Float32Array {
  const { channelAxis } = storageOf(x);
  if (channelAxis !== ROW_MAJOR)
    return channelsLastArray(storageOf(x), x.shape, channelAxis, false, 'session');
  const data = logicalArray(x, 'session');
  return lasting ? data.slice() : data;
}
