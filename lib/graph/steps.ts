// What passes ask of a step, and the steps they make.

import type { Activation } from '../../binding.js';
import { type Step, TracedConv, TracedFilter, View } from './graph.js';

/** A convolution step's arguments by name. */
export interface ConvStep {
  readonly conv: TracedConv;
  readonly filter: TracedFilter;
  readonly x: View;
  readonly y: View;
  readonly batch: number;
  readonly residual: View | null;
  readonly scale: View | null;
  readonly shift: View | null;
}

const viewOrNull = (value: unknown): View | null => (value instanceof View ? value : null);

/** A step's convolution; null where it is none. */
export function convOf(step: Step): ConvStep | null {
  const [conv, filter, x, y, batch, residual, scale, shift] = step.args;
  if (step.operation !== 'conv' || !(conv instanceof TracedConv) || !(filter instanceof TracedFilter))
    return null;
  if (!(x instanceof View) || !(y instanceof View) || typeof batch !== 'number') return null;
  const optional = { residual: viewOrNull(residual), scale: viewOrNull(scale), shift: viewOrNull(shift) };
  return { conv, filter, x, y, batch, ...optional };
}

export function convStep(step: ConvStep, path: string): Step {
  const { conv, filter, x, y, batch, residual, scale, shift } = step;
  return { operation: 'conv', args: [conv, filter, x, y, batch, residual, scale, shift], path };
}

const isActivation = (value: unknown): value is Activation =>
  typeof value === 'object' && value !== null && 'negativeSlope' in value;

/** The activation of a step that is nothing else. */
export function activationOf({ operation, args }: Step): Activation | null {
  const [value] = args;
  return operation === 'activate' && isActivation(value) ? value : null;
}

/** An affine step's arguments by name. */
export interface AffineStep {
  readonly activation: Activation;
  readonly x: View;
  readonly scale: View;
  readonly shift: View;
  readonly residual: View | null;
  readonly y: View;
}

/** A step's scaling and shifting of channels; null where it is none. */
export function affineOf({ operation, args }: Step): AffineStep | null {
  const [activation, x, scale, shift, residual, y] = args;
  if (operation !== 'affine' || !isActivation(activation) || !(x instanceof View)) return null;
  if (!(scale instanceof View) || !(shift instanceof View) || !(y instanceof View)) return null;
  return { activation, x, scale, shift, residual: viewOrNull(residual), y };
}

/** A block's elements, all of them. */
export const whole = (view: View): boolean => view.offset === 0 && view.length === view.block.length;

/** Whether an argument is this view. */
export const same = (a: unknown, b: View): boolean =>
  a instanceof View && a.block === b.block && a.offset === b.offset && a.length === b.length;

/** A convolution that is a product of matrices and nothing else: it may scale its input, and read it apart. */
export function isPlainPointwise({ conv: { geometry: g } }: ConvStep): boolean {
  const plain = [...g.kernelSize, ...g.stride].every((size) => size === 1);
  const unpadded = [...g.padBegin, ...g.padEnd].every((size) => size === 0);
  const channelsLast = g.inputLayout === 'channelsLast' && g.outputLayout === 'channelsLast';
  return plain && unpadded && channelsLast && g.groups === 1 && !g.transposed;
}

export const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);
