// Schedules that begin with a part of the learning rate.

import type { Optimizer } from './optimizer.js';
import { checkNumber, checkSteps, Schedule, scheduleOptions } from './schedule.js';

/**
 * Warm-up: the rate times a factor that goes evenly from `startFactor` (1/3) to `endFactor` (1) in `totalIters` (5) steps.
 *
 * @throws TypeError | RangeError where an option cannot be.
 * @example
 * const optimizer = new optim.SGD(new nn.Linear(2, 1).parameters(), { lr: 0.5 });
 * const schedule = new optim.LinearLR(optimizer, { startFactor: 0.5, totalIters: 2 });
 * const rates = [schedule.getLastLr()[0]];
 * for (let i = 0; i < 3; i++) {
 *   schedule.step();
 *   rates.push(schedule.getLastLr()[0]);
 * }
 * rates; // [0.25, 0.375, 0.5, 0.5]
 */
export class LinearLR extends Schedule {
  readonly #options: { startFactor: number; endFactor: number; totalIters: number };

  constructor(
    optimizer: Optimizer,
    options?: { startFactor?: number; endFactor?: number; totalIters?: number },
  ) {
    super('LinearLR', optimizer);
    this.#options = scheduleOptions(options, { startFactor: 1 / 3, endFactor: 1, totalIters: 5 }, this.label);
    const { startFactor, endFactor, totalIters } = this.#options;
    checkNumber(startFactor, 'startFactor', this.label, 0);
    checkNumber(endFactor, 'endFactor', this.label, 0);
    checkSteps(totalIters, 'totalIters', this.label);
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    const { startFactor, endFactor, totalIters } = this.#options;
    return base * (startFactor + (endFactor - startFactor) * (Math.min(step, totalIters) / totalIters));
  }
}

/**
 * The rate times `factor` (1/3) until `totalIters` (5) steps are done, and then as it was.
 *
 * @throws TypeError | RangeError where an option cannot be.
 * @example
 * const optimizer = new optim.SGD(new nn.Linear(2, 1).parameters(), { lr: 0.5 });
 * const schedule = new optim.ConstantLR(optimizer, { factor: 0.5, totalIters: 2 });
 * optimizer.lr; // 0.25
 * for (let epoch = 0; epoch < 2; epoch++) schedule.step();
 * optimizer.lr; // 0.5
 */
export class ConstantLR extends Schedule {
  readonly #options: { factor: number; totalIters: number };

  constructor(optimizer: Optimizer, options?: { factor?: number; totalIters?: number }) {
    super('ConstantLR', optimizer);
    this.#options = scheduleOptions(options, { factor: 1 / 3, totalIters: 5 }, this.label);
    checkNumber(this.#options.factor, 'factor', this.label, 0);
    checkSteps(this.#options.totalIters, 'totalIters', this.label);
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    return step < this.#options.totalIters ? base * this.#options.factor : base;
  }
}
