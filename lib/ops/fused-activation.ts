// Activations that a convolution or linear layer applies on the way to memory, when gradients are recorded: some derive
// from the result, which is there; for the others what comes before them is kept, by computing both apart. The bits of the
// result are the same either way.

import type { Activation } from '../../binding.js';
import type { Backward } from '../tensor/autograd.js';
import { record, recording, save } from '../tensor/autograd.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { activationGradient, derivesFromResult, prepareActivation } from './activate.js';
import { NO_ACTIVATION } from './activation.js';
import { layoutOf } from './inputs.js';
import { inOrder, type Prepared } from './run.js';
import { tracing } from './trace.js';

interface Activated {
  readonly activation: Activation;
}

/** Settings by those with an activation: found again, so that what is kept by settings is found too. */
const withoutActivation = new WeakMap<Activated, Activated>();

/**
 * Prepares under `settings`, or, where gradients from `inputs` will need what the activation was given, first without it and
 * then the activation alone. `prepare` records by {@link recordActivated}.
 */
export function prepareActivated<S extends Activated>(
  settings: S,
  inputs: readonly (Tensor | null)[],
  prepare: (settings: S) => Prepared,
): Prepared {
  const { activation } = settings;
  if (appliesAtOnce(activation, inputs)) return prepare(settings);
  const plain = (withoutActivation.get(settings) as S | undefined) ?? {
    ...settings,
    activation: NO_ACTIVATION,
  };
  withoutActivation.set(settings, plain);
  const before = prepare(plain);
  const after = prepareActivation(before.output, activation, 'now', activation.kind);
  return inOrder(after.output, [before, after]);
}

/** Whether an activation is applied on the way to memory whatever gradients from `inputs` will need. */
export const appliesAtOnce = (activation: Activation, inputs: readonly (Tensor | null)[]): boolean =>
  activation.kind === 'none' || derivesFromResult(activation) || !recording(inputs) || tracing();

/** {@link record} for an operation that ends in an activation: `backward` gets the gradient of what came before that. */
export function recordActivated(
  output: Tensor,
  operation: string,
  activation: Activation,
  inputs: readonly (Tensor | null)[],
  backward: Backward<Tensor>,
): void {
  if (activation.kind === 'none' || !recording(inputs)) {
    record(output, operation, inputs, backward);
    return;
  }
  // Stands for a result that never was in memory
  const before = wrap(NOTHING, layoutOf(output), output.shape);
  record(before, operation, inputs, backward);
  const result = save(output);
  record(output, activation.kind, [before], (upstream) => [
    activationGradient(activation, result(), upstream),
  ]);
}

const NOTHING = new Float32Array(0);
