// A learning rate that falls when what is measured gets no better: it depends on the measurements, not on the number of
// steps, and so it is no `Schedule`.

import { show, wrongType, wrongValue } from '../errors.js';
import { oneOf } from '../ops/options.js';
import { Optimizer, type ParamGroup, type Settings } from './optimizer.js';
import { checkNumber, checkSteps, scheduleOptions } from './schedule.js';

export interface PlateauOptions {
  /** Whether less of what is measured is better, as of a loss, or more, as of an accuracy; 'min'. */
  mode?: 'min' | 'max';
  /** What the rate is multiplied by, below 1; 0.1. */
  factor?: number;
  /** How many steps in a row may bring nothing before the rate falls; 10. */
  patience?: number;
  /** By how much a step has to be better to count; 1e-4. */
  threshold?: number;
  /** Whether the threshold is a share of the best measurement, or a difference from it; 'rel'. */
  thresholdMode?: 'rel' | 'abs';
  /** Steps after a fall that do not count; 0. */
  cooldown?: number;
  /** The least rate, of all groups or of each; 0. */
  minLr?: number | readonly number[];
  /** Falls of the rate by no more than this are left out; 1e-8. */
  eps?: number;
}

export interface PlateauState {
  /** The best measurement; null before the first that counts. */
  best: number | null;
  /** Steps in a row that brought nothing. */
  badSteps: number;
  /** Steps still to come that do not count. */
  cooldownLeft: number;
  /** The learning rate of each group. */
  rates: number[];
}

const LABEL = 'ReduceLROnPlateau';

const DEFAULTS: Required<PlateauOptions> = {
  mode: 'min',
  factor: 0.1,
  patience: 10,
  threshold: 1e-4,
  thresholdMode: 'rel',
  cooldown: 0,
  minLr: 0,
  eps: 1e-8,
};

/**
 * The rate times `factor` when `step` was given nothing better more than `patience` times in a row; PyTorch's definition.
 *
 * @throws TypeError | RangeError where an option cannot be.
 * @example
 * const optimizer = new optim.SGD(new nn.Linear(2, 1).parameters(), { lr: 0.5 });
 * const schedule = new optim.ReduceLROnPlateau(optimizer, { factor: 0.5, patience: 1 });
 * for (const loss of [3, 2, 2, 2]) schedule.step(loss);
 * optimizer.lr; // 0.25
 */
export class ReduceLROnPlateau {
  readonly #groups: readonly ParamGroup<Settings>[];
  readonly #options: Required<PlateauOptions>;
  readonly #least: readonly number[];
  #best: number | null = null;
  #badSteps = 0;
  #cooldownLeft = 0;

  constructor(optimizer: Optimizer, options?: PlateauOptions) {
    if (!(optimizer instanceof Optimizer)) {
      throw wrongType(LABEL, `${show(optimizer)} is not an Optimizer`, 'give it one of optim.*');
    }
    this.#groups = optimizer.paramGroups;
    const given = scheduleOptions(options, DEFAULTS, LABEL);
    oneOf(given.mode, ['min', 'max'], 'mode', LABEL);
    oneOf(given.thresholdMode, ['rel', 'abs'], 'thresholdMode', LABEL);
    for (const name of ['factor', 'threshold', 'eps'] as const) checkNumber(given[name], name, LABEL, 0);
    if (given.factor >= 1) throw wrongValue(LABEL, `factor must be below 1, not ${given.factor}`);
    for (const name of ['patience', 'cooldown'] as const) checkSteps(given[name], name, LABEL, 0);
    const { minLr } = given;
    this.#least = Array.isArray(minLr) ? [...minLr] : this.#groups.map(() => Number(minLr));
    if (this.#least.length !== this.#groups.length) {
      throw wrongValue(LABEL, `expected ${this.#groups.length} values for minLr, got ${this.#least.length}`);
    }
    for (const rate of Array.isArray(minLr) ? minLr : [minLr]) checkNumber(rate, 'minLr', LABEL, 0);
    this.#options = given;
  }

  /**
   * Takes the next measurement: a validation loss, or an accuracy. NaN is never better.
   *
   * @throws TypeError where it is no number.
   */
  step(metric: number): void {
    if (typeof metric !== 'number') {
      throw wrongType(
        `${LABEL}.step`,
        `the metric must be a number, not ${show(metric)}`,
        'give it loss.item()',
      );
    }
    if (this.#better(metric)) {
      this.#best = metric;
      this.#badSteps = 0;
    } else this.#badSteps++;
    if (this.#cooldownLeft > 0) {
      this.#cooldownLeft--;
      this.#badSteps = 0;
    }
    if (this.#badSteps <= this.#options.patience) return;
    this.#groups.forEach((group, i) => {
      const rate = Math.max(group.lr * this.#options.factor, this.#least[i]);
      if (group.lr - rate > this.#options.eps) group.lr = rate;
    });
    this.#cooldownLeft = this.#options.cooldown;
    this.#badSteps = 0;
  }

  #better(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    const best = this.#best ?? -sign * Infinity;
    const mark = thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === 'min' ? metric < mark : metric > mark;
  }

  /** The learning rate of each group. */
  getLastLr(): number[] {
    return this.#groups.map(({ lr }) => lr);
  }

  stateDict(): PlateauState {
    const [best, badSteps, cooldownLeft] = [this.#best, this.#badSteps, this.#cooldownLeft];
    return { best, badSteps, cooldownLeft, rates: this.getLastLr() };
  }

  /**
   * Goes on where another of the same options was.
   *
   * @throws RangeError where it is no state of as many groups.
   */
  loadStateDict(state: PlateauState): void {
    const fits =
      typeof state === 'object' &&
      state !== null &&
      (state.best === null || typeof state.best === 'number') &&
      Number.isSafeInteger(state.badSteps) &&
      Number.isSafeInteger(state.cooldownLeft) &&
      Array.isArray(state.rates) &&
      state.rates.length === this.#groups.length &&
      state.rates.every((rate) => Number.isFinite(rate));
    if (!fits) {
      throw wrongValue(
        `${LABEL}.loadStateDict`,
        `${show(state)} is no state of ${this.#groups.length} groups`,
      );
    }
    this.#best = state.best;
    this.#badSteps = state.badSteps;
    this.#cooldownLeft = state.cooldownLeft;
    this.#groups.forEach((group, i) => {
      group.lr = state.rates[i];
    });
  }
}
