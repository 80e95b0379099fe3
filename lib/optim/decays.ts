// Schedules that multiply the learning rate by simple functions of the number of steps.

import { show, wrongType, wrongValue } from '../errors.js';
import { exp64, log64, wholePower } from '../numerics/double.js';
import type { Optimizer } from './optimizer.js';
import { checkNumber, checkSteps, Schedule, scheduleOptions } from './schedule.js';

/**
 * The rate times `gamma` (0.1) every `stepSize` steps.
 *
 * @throws TypeError | RangeError where an option cannot be.
 * @example
 * const optimizer = new optim.SGD(new nn.Linear(2, 1).parameters(), { lr: 0.5 });
 * const schedule = new optim.StepLR(optimizer, { stepSize: 2, gamma: 0.5 });
 * for (let epoch = 0; epoch < 4; epoch++) schedule.step();
 * optimizer.lr; // 0.125
 */
export class StepLR extends Schedule {
  readonly #options: { stepSize: number; gamma: number };

  constructor(optimizer: Optimizer, options: { stepSize: number; gamma?: number }) {
    super('StepLR', optimizer);
    this.#options = scheduleOptions(options, { stepSize: Number.NaN, gamma: 0.1 }, this.label);
    checkSteps(this.#options.stepSize, 'stepSize', this.label);
    checkNumber(this.#options.gamma, 'gamma', this.label, 0);
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    return base * wholePower(this.#options.gamma, Math.floor(step / this.#options.stepSize));
  }
}

/**
 * The rate times `gamma` (0.1) at each of the `milestones`.
 *
 * @throws TypeError | RangeError where an option cannot be.
 */
export class MultiStepLR extends Schedule {
  readonly #options: { milestones: readonly number[]; gamma: number };

  constructor(optimizer: Optimizer, options: { milestones: readonly number[]; gamma?: number }) {
    super('MultiStepLR', optimizer);
    const none: readonly number[] = [];
    const { milestones, gamma } = scheduleOptions(options, { milestones: none, gamma: 0.1 }, this.label);
    if (!Array.isArray(milestones)) {
      throw wrongType(this.label, `milestones must be an array of numbers of steps, not ${show(milestones)}`);
    }
    for (const milestone of milestones) checkSteps(milestone, 'a milestone', this.label, 0);
    checkNumber(gamma, 'gamma', this.label, 0);
    this.#options = { milestones: [...milestones], gamma };
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    const { milestones, gamma } = this.#options;
    return base * wholePower(gamma, milestones.filter((milestone) => milestone <= step).length);
  }
}

/**
 * The rate times `gamma` at every step.
 *
 * @throws TypeError | RangeError where an option cannot be.
 */
export class ExponentialLR extends Schedule {
  readonly #gamma: number;

  constructor(optimizer: Optimizer, options: { gamma: number }) {
    super('ExponentialLR', optimizer);
    const { gamma } = scheduleOptions(options, { gamma: Number.NaN }, this.label);
    checkNumber(gamma, 'gamma', this.label, 0);
    this.#gamma = gamma;
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    return base * wholePower(this.#gamma, step);
  }
}

/**
 * The rate times (1 - step / `totalIters`)^`power`, and 0 from `totalIters` (5) steps on; `power` is 1, and 0.9 where DeepLab
 * is trained.
 *
 * @throws TypeError | RangeError where an option cannot be.
 * @example
 * const optimizer = new optim.SGD(new nn.Linear(2, 1).parameters(), { lr: 0.5 });
 * const schedule = new optim.PolynomialLR(optimizer, { totalIters: 4, power: 2 });
 * schedule.step();
 * schedule.step();
 * optimizer.lr; // 0.125
 */
export class PolynomialLR extends Schedule {
  readonly #options: { totalIters: number; power: number };

  constructor(optimizer: Optimizer, options?: { totalIters?: number; power?: number }) {
    super('PolynomialLR', optimizer);
    this.#options = scheduleOptions(options, { totalIters: 5, power: 1 }, this.label);
    checkSteps(this.#options.totalIters, 'totalIters', this.label);
    checkNumber(this.#options.power, 'power', this.label, 0);
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    const { totalIters, power } = this.#options;
    const left = 1 - Math.min(step, totalIters) / totalIters;
    return base * (Number.isInteger(power) ? wholePower(left, power) : exp64(power * log64(left)));
  }
}

/**
 * The rate times what `lrLambda` gives for the number of steps. Made of + - * / it gives the same rates on every machine; with
 * JavaScript's exp, pow or cosine it may not.
 *
 * @throws TypeError where lrLambda is no function; RangeError, at a step, where it gives no number from 0 up.
 */
export class LambdaLR extends Schedule {
  readonly #lambda: (step: number) => number;

  constructor(optimizer: Optimizer, options: { lrLambda: (step: number) => number }) {
    super('LambdaLR', optimizer);
    const { lrLambda } = scheduleOptions(options, { lrLambda: options?.lrLambda }, this.label);
    if (typeof lrLambda !== 'function') {
      throw wrongType(this.label, `lrLambda must be a function, not ${show(lrLambda)}`);
    }
    this.#lambda = lrLambda;
    this.applyAt(0);
  }

  protected rateAt(step: number, base: number): number {
    const factor = this.#lambda(step);
    if (typeof factor === 'number' && factor >= 0 && factor < Infinity) return base * factor;
    throw wrongValue(this.label, `lrLambda(${step}) must be a finite number from 0 up, not ${show(factor)}`);
  }
}
