// The one-cycle policy (Smith and Topin, "Super-convergence", 2018), with PyTorch's options: the learning rate goes up from
// a fraction and down to almost nothing, once in a training, and the momentum the other way.

import { show, wrongType, wrongValue } from '../errors.js';
import { alongCosine } from './cosine.js';
import type { Optimizer, ParamGroup, Settings } from './optimizer.js';
import { checkNumber, checkSteps, Schedule, scheduleOptions } from './schedule.js';
import { checkFlag } from './settings.js';

export interface OneCycleOptions {
  /** The highest rate, for all groups or one for each. */
  maxLr: number | readonly number[];
  /** How many steps there are; else epochs times stepsPerEpoch. */
  totalSteps?: number;
  epochs?: number;
  stepsPerEpoch?: number;
  /** What part of them the rate rises; 0.3. */
  pctStart?: number;
  /** 'cos' or 'linear'; 'cos'. */
  annealStrategy?: 'cos' | 'linear';
  /** Whether the momentum (SGD) or the first beta (Adam) moves between maxMomentum (0.95) and baseMomentum (0.85); true. */
  cycleMomentum?: boolean;
  baseMomentum?: number;
  maxMomentum?: number;
  /** The first rate is maxLr / divFactor; 25. */
  divFactor?: number;
  /** The last rate is the first / finalDivFactor; 1e4. */
  finalDivFactor?: number;
  /** Whether the rate falls as long as it rose, and then to the last one; false. */
  threePhase?: boolean;
}

const DEFAULTS = {
  pctStart: 0.3,
  annealStrategy: 'cos',
  cycleMomentum: true,
  baseMomentum: 0.85,
  maxMomentum: 0.95,
  divFactor: 25,
  finalDivFactor: 1e4,
  threePhase: false,
} as const;

type Level = 'initial' | 'max' | 'last';

/** A stretch of steps, up to and including `end`, and what the rate and the momentum lie between in it. */
interface Phase {
  readonly end: number;
  readonly from: Level;
  readonly to: Level;
}

/**
 * Steps once a batch, `totalSteps` times at most.
 *
 * @throws TypeError | RangeError where an option cannot be, or one step too many is taken.
 * @example
 * const optimizer = new optim.SGD(new nn.Linear(2, 1).parameters(), { momentum: 0.9 });
 * const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.5, totalSteps: 11, divFactor: 2, annealStrategy: 'linear' });
 * optimizer.lr; // 0.25
 */
export class OneCycleLR extends Schedule {
  readonly #totalSteps: number;
  readonly #phases: readonly Phase[];
  readonly #options: Required<Omit<OneCycleOptions, 'totalSteps' | 'epochs' | 'stepsPerEpoch'>>;

  constructor(optimizer: Optimizer, options: OneCycleOptions) {
    super('OneCycleLR', optimizer);
    const { label } = this;
    const unset: OneCycleOptions = {
      maxLr: Number.NaN,
      totalSteps: undefined,
      epochs: undefined,
      stepsPerEpoch: undefined,
    };
    const { totalSteps, epochs, stepsPerEpoch, ...rest } = scheduleOptions(
      options,
      { ...unset, ...DEFAULTS },
      label,
    );
    this.#options = { ...DEFAULTS, ...rest };
    this.#totalSteps = checkedTotal(totalSteps, epochs, stepsPerEpoch, label);
    this.#checkOptions(optimizer.paramGroups);
    this.#phases = phasesOf(this.#options.pctStart, this.#totalSteps, this.#options.threePhase);
    this.applyAt(0);
  }

  #checkOptions(groups: readonly ParamGroup<Settings>[]): void {
    const { label } = this;
    const { maxLr, pctStart, annealStrategy, cycleMomentum, threePhase } = this.#options;
    const rates: readonly unknown[] = Array.isArray(maxLr) ? maxLr : groups.map(() => maxLr);
    if (rates.length !== groups.length) {
      throw wrongValue(label, `expected ${groups.length} values for maxLr, got ${rates.length}`);
    }
    for (const rate of rates) checkNumber(rate, 'maxLr', label, 0);
    checkNumber(pctStart, 'pctStart', label, 0);
    if (pctStart > 1) throw wrongValue(label, `expected float between 0 and 1 pctStart, but got ${pctStart}`);
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
      throw wrongValue(
        label,
        `annealStrategy must be one of 'cos' or 'linear', instead got ${show(annealStrategy)}`,
      );
    }
    checkFlag(cycleMomentum, 'cycleMomentum', label);
    checkFlag(threePhase, 'threePhase', label);
    for (const name of ['baseMomentum', 'maxMomentum', 'divFactor', 'finalDivFactor'] as const) {
      checkNumber(this.#options[name], name, label, 0);
    }
    if (cycleMomentum && groups.some((group) => !('momentum' in group) && !('betas' in group))) {
      throw wrongType(
        label,
        'optimizer must support momentum or beta1 with the cycleMomentum option enabled',
      );
    }
  }

  protected rateAt(step: number, _base: number, group: number): number {
    const { maxLr, divFactor, finalDivFactor } = this.#options;
    const max = typeof maxLr === 'number' ? maxLr : maxLr[group];
    const initial = max / divFactor;
    return this.#between(step, { initial, max, last: initial / finalDivFactor });
  }

  protected override setOthers(step: number, group: ParamGroup<Settings>): void {
    const { cycleMomentum, baseMomentum, maxMomentum } = this.#options;
    if (!cycleMomentum) return;
    const momentum = this.#between(step, { initial: maxMomentum, max: baseMomentum, last: maxMomentum });
    if ('momentum' in group) Object.assign(group, { momentum });
    else if ('betas' in group && Array.isArray(group.betas)) {
      Object.assign(group, { betas: [momentum, group.betas[1]] });
    }
  }

  #between(step: number, levels: Readonly<Record<Level, number>>): number {
    if (step > this.#totalSteps) {
      throw wrongValue(
        this.label,
        `tried to step ${step} times, but the specified number of total steps is ${this.#totalSteps}`,
      );
    }
    let start = 0;
    for (const { end, from, to } of this.#phases) {
      if (step <= end || end === this.#totalSteps - 1) {
        const part = end > start ? Math.min(1, (step - start) / (end - start)) : 1;
        if (this.#options.annealStrategy === 'cos') return alongCosine(levels[from], levels[to], part);
        return (levels[to] - levels[from]) * part + levels[from];
      }
      start = end;
    }
    return levels.last;
  }
}

function phasesOf(pctStart: number, totalSteps: number, threePhase: boolean): Phase[] {
  const top = pctStart * totalSteps - 1;
  const last = totalSteps - 1;
  if (!threePhase) {
    return [
      { end: top, from: 'initial', to: 'max' },
      { end: last, from: 'max', to: 'last' },
    ];
  }
  return [
    { end: top, from: 'initial', to: 'max' },
    { end: 2 * pctStart * totalSteps - 2, from: 'max', to: 'initial' },
    { end: last, from: 'initial', to: 'last' },
  ];
}

function checkedTotal(
  totalSteps: number | undefined,
  epochs: number | undefined,
  stepsPerEpoch: number | undefined,
  label: string,
): number {
  if (totalSteps !== undefined) {
    checkSteps(totalSteps, 'totalSteps', label);
    return totalSteps;
  }
  if (epochs === undefined || stepsPerEpoch === undefined) {
    throw wrongValue(label, 'you must define either totalSteps, or both epochs and stepsPerEpoch');
  }
  checkSteps(epochs, 'epochs', label);
  checkSteps(stepsPerEpoch, 'stepsPerEpoch', label);
  return epochs * stepsPerEpoch;
}
