// A module of one operation: what it prepares runs at once or in the background.

import type { Mode } from '../ops/inputs.js';
import { type ForwardOptions, type Prepared, runInBackground, runNow } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';

export abstract class Layer extends Module {
  /** What sentences of errors begin with. */
  protected abstract readonly operation: string;

  protected abstract prepare(x: Tensor, mode: Mode): Prepared;

  /** Computes the output now, on this thread and the pool's. */
  override forward(x: Tensor): Tensor {
    return runNow(this.prepare(x, 'now'));
  }

  /**
   * Computes the output while the event loop goes on. The input is taken as it is when this returns its promise: it may be
   * written to, transferred or used elsewhere at once. The promise rejects with the signal's reason once it is aborted.
   */
  override forwardAsync(x: Tensor, options?: ForwardOptions): Promise<Tensor> {
    return runInBackground(() => this.prepare(x, 'background'), options, this.operation);
  }
}
