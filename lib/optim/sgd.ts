// Stochastic gradient descent with momentum: the settings and their meaning are PyTorch's, the arithmetic is the
// contract's sgdStep.

import type { Binding } from '../../binding.js';
import { wrongValue } from '../errors.js';
import { type Moving, Optimizer, type Params, type Settings } from './optimizer.js';
import { atLeastZero, checkFlag } from './settings.js';

export interface SGDSettings extends Settings {
  /** How much of the last direction is kept; 0. */
  momentum: number;
  /** How much of the gradient the momentum leaves out; 0. */
  dampening: number;
  /** What part of a parameter is added to its gradient; 0. */
  weightDecay: number;
  /** Whether to look ahead along the momentum (Sutskever et al. 2013); false. */
  nesterov: boolean;
  /** Whether to climb instead of descend; false. */
  maximize: boolean;
}

/**
 * p = p - lr * d, where d is the gradient g + weightDecay * p, or with momentum the running sum m = momentum * m +
 * (1 - dampening) * g, which begins as g; with nesterov g + momentum * m. In float32, every product of a sum fused.
 *
 * @throws TypeError | RangeError where a parameter or option cannot be.
 * @example
 * const weight = new Tensor(new Float32Array([4]), [1], { requiresGrad: true });
 * const optimizer = new optim.SGD([weight], { lr: 0.25 });
 * weight.grad = Tensor.from([8]); // as backward leaves it
 * optimizer.step();
 * weight.toArray(); // [2]
 */
export class SGD extends Optimizer<SGDSettings> {
  protected readonly stateNames = { arrays: ['momentumBuffer'], numbers: [] };

  /** `lr` is 0.001 where none is given. */
  constructor(params: Params<SGDSettings>, options?: Partial<SGDSettings>) {
    const none = { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false };
    super('SGD', params, { lr: 1e-3, ...none }, options);
  }

  protected checkSettings(settings: SGDSettings, label: string): void {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = settings;
    atLeastZero(lr, 'learning rate', label);
    atLeastZero(momentum, 'momentum value', label);
    atLeastZero(dampening, 'dampening value', label);
    atLeastZero(weightDecay, 'weightDecay value', label);
    checkFlag(nesterov, 'nesterov', label);
    checkFlag(maximize, 'maximize', label);
    if (nesterov && (momentum <= 0 || dampening !== 0)) {
      throw wrongValue(label, 'Nesterov momentum requires a momentum and zero dampening');
    }
  }

  protected move(binding: Binding, settings: SGDSettings, { parameter, gradient, state }: Moving): void {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = settings;
    const kept = state.arrays.momentumBuffer;
    const buffer = momentum === 0 ? null : (kept ?? new Float32Array(parameter.length));
    const step = {
      rate: lr,
      decay: weightDecay,
      momentum,
      keep: 1 - dampening,
      nesterov,
      maximize,
      first: kept === undefined,
    };
    binding.sgdStep(step, parameter, gradient, buffer);
    if (buffer !== null) state.arrays.momentumBuffer = buffer;
  }
}
