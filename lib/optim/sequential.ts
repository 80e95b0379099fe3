// One schedule after another: warm-up, then decay.

import { show, wrongType, wrongValue } from '../errors.js';
import type { Optimizer } from './optimizer.js';
import { checkSteps, Schedule, scheduleOptions } from './schedule.js';

/**
 * The first schedule up to the first of the `milestones`, then the second, counting from 0, and so on.
 *
 * @throws TypeError | RangeError where there is not one milestone less than schedules, in rising order.
 * @example
 * const optimizer = new optim.SGD(new nn.Linear(2, 1).parameters(), { lr: 0.5 });
 * const schedules = [
 *   new optim.LinearLR(optimizer, { startFactor: 0.5, totalIters: 5 }),
 *   new optim.CosineAnnealingLR(optimizer, { tMax: 20 }),
 * ];
 * new optim.SequentialLR(optimizer, { schedules, milestones: [5] });
 * optimizer.lr; // 0.25
 */
export class SequentialLR extends Schedule {
  readonly #schedules: readonly Schedule[];
  readonly #milestones: readonly number[];

  constructor(
    optimizer: Optimizer,
    options: { schedules: readonly Schedule[]; milestones: readonly number[] },
  ) {
    super('SequentialLR', optimizer);
    const none: { schedules: readonly Schedule[]; milestones: readonly number[] } = {
      schedules: [],
      milestones: [],
    };
    const { schedules, milestones } = scheduleOptions(options, none, this.label);
    if (!Array.isArray(schedules) || !schedules.every((schedule) => schedule instanceof Schedule)) {
      throw wrongType(this.label, `schedules must be an array of schedules, not ${show(schedules)}`);
    }
    if (!Array.isArray(milestones)) {
      throw wrongType(this.label, `milestones must be an array of numbers of steps, not ${show(milestones)}`);
    }
    milestones.forEach((milestone, i) => {
      checkSteps(milestone, 'a milestone', this.label, i === 0 ? 0 : milestones[i - 1]);
    });
    if (schedules.length !== milestones.length + 1) {
      const law = `expects one milestone less than schedules, but got ${milestones.length} and ${schedules.length}`;
      throw wrongValue(this.label, law);
    }
    this.#schedules = [...schedules];
    this.#milestones = [...milestones];
    this.applyAt(0);
  }

  override applyAt(step: number): void {
    const phase = this.#milestones.filter((milestone) => milestone <= step).length;
    this.#schedules[phase].applyAt(phase === 0 ? step : step - this.#milestones[phase - 1]);
  }

  protected rateAt(_step: number, base: number): number {
    return base; // each of the schedules says its own
  }
}
