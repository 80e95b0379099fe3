// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015), and AdamW, whose weight decay is apart from the
// gradient (Loshchilov and Hutter 2019). Settings and meaning are PyTorch's, the arithmetic is the contract's adamStep.

import type { Binding } from '../../binding.js';
import { type Moving, Optimizer, type Params, type Settings } from './optimizer.js';
import { atLeastZero, checkBetas, checkFlag } from './settings.js';

export interface AdamSettings extends Settings {
  /** How much of the running mean and variance is kept; [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the root of the variance; 1e-8. */
  eps: number;
  /** Adam: what part of a parameter is added to its gradient; 0. AdamW: what part, times lr, is taken away; 0.01. */
  weightDecay: number;
  /** Whether to divide by the largest variance so far (Reddi et al. 2018); false. */
  amsgrad: boolean;
  /** Whether to climb instead of descend; false. */
  maximize: boolean;
}

abstract class AdamLike extends Optimizer<AdamSettings> {
  protected abstract readonly decoupled: boolean;
  protected readonly stateNames = {
    arrays: ['expAvg', 'expAvgSq', 'maxExpAvgSq'],
    numbers: ['step', 'beta1Power', 'beta2Power'],
  };

  protected checkSettings(settings: AdamSettings, label: string): void {
    atLeastZero(settings.lr, 'learning rate', label);
    atLeastZero(settings.eps, 'epsilon value', label);
    checkBetas(settings.betas, label);
    atLeastZero(settings.weightDecay, 'weightDecay value', label);
    checkFlag(settings.amsgrad, 'amsgrad', label);
    checkFlag(settings.maximize, 'maximize', label);
  }

  protected move(binding: Binding, settings: AdamSettings, { parameter, gradient, state }: Moving): void {
    const { lr, betas, eps, weightDecay, amsgrad, maximize } = settings;
    const [beta1, beta2] = betas;
    const { arrays, numbers } = state;
    const { step = 0, beta1Power = 1, beta2Power = 1 } = numbers;
    const { length } = parameter;
    arrays.expAvg ??= new Float32Array(length);
    arrays.expAvgSq ??= new Float32Array(length);
    if (amsgrad) arrays.maxExpAvgSq ??= new Float32Array(length);
    // Running products: a power by any other way would have other bits.
    numbers.step = step + 1;
    numbers.beta1Power = beta1Power * beta1;
    numbers.beta2Power = beta2Power * beta2;
    binding.adamStep(
      {
        rate: lr / (1 - numbers.beta1Power),
        root: Math.sqrt(1 - numbers.beta2Power),
        eps,
        fresh1: 1 - beta1,
        fresh2: 1 - beta2,
        decay: this.decoupled ? 0 : weightDecay,
        shrink: this.decoupled ? lr * weightDecay : 0,
        maximize,
      },
      parameter,
      gradient,
      arrays.expAvg,
      arrays.expAvgSq,
      amsgrad ? arrays.maxExpAvgSq : null,
    );
  }
}

const DEFAULTS = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, amsgrad: false, maximize: false } as const;

/**
 * With the running mean m and variance v of the gradient g + weightDecay * p, and t steps done:
 * p = p - lr / (1 - beta1^t) * (m / (sqrt(v) / sqrt(1 - beta2^t) + eps)), in that order, in float32. The powers of the betas
 * are running float64 products, kept in the state.
 *
 * @throws TypeError | RangeError where a parameter or option cannot be.
 * @example
 * const weight = new Tensor(new Float32Array([4]), [1], { requiresGrad: true });
 * const optimizer = new optim.Adam([weight], { lr: 0.5 });
 * weight.grad = Tensor.from([8]); // as backward leaves it
 * optimizer.step();
 * weight.toArray(); // [3.5]
 */
export class Adam extends AdamLike {
  protected readonly decoupled = false;

  constructor(params: Params<AdamSettings>, options?: Partial<AdamSettings>) {
    super('Adam', params, { ...DEFAULTS, weightDecay: 0 }, options);
  }
}

/**
 * Adam with p = p - lr * weightDecay * p before each step in place of a decay within the gradient.
 *
 * @throws TypeError | RangeError where a parameter or option cannot be.
 * @example
 * const net = new nn.Linear(4, 2);
 * new optim.AdamW(net.parameters(), { lr: 1e-3, weightDecay: 0.05 }).lr; // 0.001
 */
export class AdamW extends AdamLike {
  protected readonly decoupled = true;

  constructor(params: Params<AdamSettings>, options?: Partial<AdamSettings>) {
    super('AdamW', params, { ...DEFAULTS, weightDecay: 0.01 }, options);
  }
}
