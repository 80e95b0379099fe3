// One line about a step: what it computes and how, for summaries and profiles.

import { inputsOf, outputOf, type Step, TracedPool } from './graph.js';
import { activationOf, convOf, product } from './steps.js';

/** What people read of a step. */
export interface StepDescription {
  /** The module that asked for it; '' is the network itself. */
  readonly path: string;
  /** Such as 'conv 3x3 + add + relu'. */
  readonly operation: string;
  /** Such as 'winograd4'; '' where there is no choice. */
  readonly algorithm: string;
  /** Elements of its output. */
  readonly elements: number;
  /** Multiply-accumulates of the whole batch, biases not counted: those of direct sums, whatever the algorithm. */
  readonly macs: number;
  /** Bytes of what it reads and writes: inputs, weights and output, once each. */
  readonly bytes: number;
}

export function describeStep(step: Step): StepDescription {
  const conv = convOf(step);
  if (conv === null) {
    const elements = poolElements(step) ?? outputOf(step).length;
    const bytes = 4 * inputsOf(step).reduce((sum, view) => sum + view.length, elements);
    return { path: step.path, operation: nameOf(step), algorithm: '', elements, macs: 0, bytes };
  }
  const { bias } = conv.filter;
  const g = conv.conv.geometry;
  const length = conv.batch * product(g.outputSize) * g.outChannels;
  const inputs = conv.batch * product(g.inputSize) * g.inChannels;
  const moved = [conv.residual, conv.scale, conv.shift].reduce(
    (sum, view) => sum + (view?.length ?? 0),
    length + inputs,
  );
  const taps = product(g.kernelSize);
  const positions = conv.batch * product(g.transposed ? g.inputSize : g.outputSize) * taps;
  const kernel = g.kernelSize.slice(g.kernelSize[0] === 1 ? 1 : 0).join('x');
  const fused = [
    conv.residual === null ? '' : ' + add',
    g.activation.kind === 'none' ? '' : ` + ${g.activation.kind}`,
  ];
  const depthwise = g.groups > 1 && g.groups === g.inChannels;
  const before = [
    conv.scale === null ? '' : conv.shift === null ? 'scale + ' : 'norm + ',
    (g.inputActivation ?? 'none') === 'none' ? '' : `${g.inputActivation} + `,
  ];
  const name = g.transposed ? 'convTranspose' : depthwise ? 'depthwise' : g.groups > 1 ? 'grouped' : 'conv';
  return {
    path: step.path,
    operation: `${before.join('')}${name} ${kernel}${fused.join('')}`,
    algorithm: g.algorithm,
    elements: length,
    macs: positions * g.inChannels * (g.outChannels / g.groups),
    bytes: 4 * (moved + (g.inChannels / g.groups) * g.outChannels * taps + (bias?.length ?? 0)),
  };
}

/** Elements of a pooling's output; null of other steps. */
function poolElements({ args: [pool, , , batch] }: Step): number | null {
  if (!(pool instanceof TracedPool) || typeof batch !== 'number') return null;
  return batch * product(pool.geometry.outputSize) * pool.geometry.channels;
}

/** The operation, and of a pooling or an activation which. */
function nameOf(step: Step): string {
  const [first] = step.args;
  if (first instanceof TracedPool) return `${first.geometry.kind} pool`;
  if (step.operation === 'activate') return activationOf(step)?.kind ?? step.operation;
  if (step.operation === 'binary') return String(first);
  return step.operation;
}
