// What learning-rate schedules share: they count steps, and set the learning rate of every group as a function of that
// number and of the rate that the group began with, so that a number is all there is to save.

import { show, wrongType, wrongValue } from '../errors.js';
import { knownOptions } from '../ops/options.js';
import { Optimizer, type ParamGroup, type Settings } from './optimizer.js';

/** The learning rate that a group had before its first schedule. */
const initialRates = new WeakMap<object, number>();

/** What a schedule has to keep to go on; plain JSON. */
export interface ScheduleState {
  /** How often `step` was called. */
  steps: number;
  /** The learning rate that each group began with. */
  bases: number[];
}

/** What all schedules have in common: a learning rate for each group as a function of the number of steps. */
export abstract class Schedule {
  readonly #groups: readonly ParamGroup<Settings>[];
  #bases: number[];
  #steps = 0;

  protected constructor(
    protected readonly label: string,
    optimizer: Optimizer,
  ) {
    if (!(optimizer instanceof Optimizer)) {
      throw wrongType(label, `${show(optimizer)} is not an Optimizer`, 'give it one of optim.*');
    }
    this.#groups = optimizer.paramGroups;
    this.#bases = this.#groups.map((group) => {
      const rate = initialRates.get(group) ?? group.lr;
      initialRates.set(group, rate);
      return rate;
    });
  }

  /** The learning rate after `step` steps of a group that began with `base`. */
  protected abstract rateAt(step: number, base: number, group: number): number;

  /** Sets what a schedule sets beside the learning rate. */
  protected setOthers(_step: number, _group: ParamGroup<Settings>): void {}

  /** Goes one step on: once an epoch, or once a batch where the schedule counts those. Call it after `optimizer.step()`. */
  step(): void {
    this.applyAt(this.#steps + 1);
    this.#steps++;
  }

  /** The learning rate of each group. */
  getLastLr(): number[] {
    return this.#groups.map(({ lr }) => lr);
  }

  stateDict(): ScheduleState {
    return { steps: this.#steps, bases: [...this.#bases] };
  }

  /**
   * Goes on where another schedule of the same settings was.
   *
   * @throws TypeError | RangeError where it is no state of a schedule of as many groups.
   */
  loadStateDict(state: ScheduleState): void {
    const fits =
      typeof state === 'object' &&
      state !== null &&
      Number.isSafeInteger(state.steps) &&
      Array.isArray(state.bases) &&
      state.bases.length === this.#bases.length &&
      state.bases.every((rate) => Number.isFinite(rate));
    if (!fits) {
      throw wrongValue(
        `${this.label}.loadStateDict`,
        `${show(state)} is no state of ${this.#bases.length} groups`,
      );
    }
    const { steps, bases } = state;
    this.#bases = [...bases];
    this.#steps = steps;
    this.applyAt(steps);
  }

  /** @internal Sets the rates of a step, whatever the count. */
  applyAt(step: number): void {
    const rates = this.#groups.map((_, i) => this.rateAt(step, this.#bases[i], i));
    this.#groups.forEach((group, i) => {
      group.lr = rates[i];
      this.setOthers(step, group);
    });
  }
}

/** The options of a schedule: those given, all of them known, and defaults for the rest. */
export function scheduleOptions<T extends object>(given: object | undefined, defaults: T, label: string): T {
  const known = knownOptions(given, Object.keys(defaults), label);
  return {
    ...defaults,
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
  };
}

/** A finite number; `least` is the smallest there may be. */
export function checkNumber(value: unknown, name: string, label: string, least = -Infinity): void {
  if (typeof value !== 'number') throw wrongType(label, `${name} must be a number, not ${show(value)}`);
  if (!Number.isFinite(value) || value < least) {
    const from = least === -Infinity ? '' : ` from ${least} up`;
    throw wrongValue(label, `${name} must be a finite number${from}, not ${value}`);
  }
}

/** A whole number of steps. */
export function checkSteps(value: unknown, name: string, label: string, least = 1): void {
  if (typeof value !== 'number') throw wrongType(label, `${name} must be a number, not ${show(value)}`);
  if (!Number.isSafeInteger(value) || value < least) {
    throw wrongValue(label, `${name} must be a whole number from ${least} up, not ${value}`);
  }
}
