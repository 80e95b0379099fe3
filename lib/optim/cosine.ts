// Learning rates along a half cosine (Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017).

import { cos64 } from '../numerics/double.js';
import type { Optimizer } from './optimizer.js';
import { checkNumber, checkSteps, Schedule, scheduleOptions } from './schedule.js';

/** From `from` at 0 to `to` at 1, along a half cosine. */
export const alongCosine = (from: number, to: number, part: number): number =>
  to + ((from - to) / 2) * (1 + cos64(Math.PI * part));

/**
 * From the rate to `etaMin` (0) in `tMax` steps along a half cosine, and back in as many.
 *
 * @throws TypeError | RangeError where an option cannot be.
 * @example
 * const optimizer = new optim.SGD(new nn.Linear(2, 1).parameters(), { lr: 0.5 });
 * const schedule = new optim.CosineAnnealingLR(optimizer, { tMax: 10 });
 * for (let epoch = 0; epoch < 10; epoch++) schedule.step();
 * optimizer.lr; // 0
 */
export class CosineAnnealingLR extends Schedule {
  readonly #options: { tMax: number; etaMin: number };

  constructor(optimizer: Optimizer, options: { tMax: number; etaMin?: number }) {
    super('CosineAnnealingLR', optimizer);
    this.#options = scheduleOptions(options, { tMax: Number.NaN, etaMin: 0 }, this.label);
    checkSteps(this.#options.tMax, 'tMax', this.label);
    checkNumber(this.#options.etaMin, 'etaMin', this.label, 0);
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    const { tMax, etaMin } = this.#options;
    return alongCosine(base, etaMin, (step % (2 * tMax)) / tMax);
  }
}

/**
 * From the rate to `etaMin` (0) along a half cosine in `t0` steps, then from the start again in `tMult` (1) times as many, ...
 *
 * @throws TypeError | RangeError where an option cannot be.
 */
export class CosineAnnealingWarmRestarts extends Schedule {
  readonly #options: { t0: number; tMult: number; etaMin: number };

  constructor(optimizer: Optimizer, options: { t0: number; tMult?: number; etaMin?: number }) {
    super('CosineAnnealingWarmRestarts', optimizer);
    this.#options = scheduleOptions(options, { t0: Number.NaN, tMult: 1, etaMin: 0 }, this.label);
    checkSteps(this.#options.t0, 't0', this.label);
    checkSteps(this.#options.tMult, 'tMult', this.label);
    checkNumber(this.#options.etaMin, 'etaMin', this.label, 0);
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    const { t0, tMult, etaMin } = this.#options;
    let [length, since] = [t0, step];
    if (tMult === 1) since %= t0;
    for (; since >= length; length *= tMult) since -= length;
    return alongCosine(base, etaMin, since / length);
  }
}
