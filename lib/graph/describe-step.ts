// One line about a step: what it computes and how, for summaries and profiles.

import { outputOf, type Step, TracedPool } from './graph.js';
import { activationOf, convOf } from './passes.js';

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
}

export function describeStep(step: Step): StepDescription {
  const { length } = outputOf(step);
  const conv = convOf(step);
  if (conv === null) {
    return { path: step.path, operation: nameOf(step), algorithm: '', elements: length, macs: 0 };
  }
  const g = conv.conv.geometry;
  const taps = g.kernelSize.reduce((product, size) => product * size, 1);
  const positions = (g.transposed ? conv.x.length / g.inChannels : length / g.outChannels) * taps;
  const kernel = g.kernelSize.slice(g.kernelSize[0] === 1 ? 1 : 0).join('x');
  const fused = [
    conv.residual === null ? '' : ' + add',
    g.activation.kind === 'none' ? '' : ` + ${g.activation.kind}`,
  ];
  const depthwise = g.groups > 1 && g.groups === g.inChannels;
  const name = g.transposed ? 'convTranspose' : depthwise ? 'depthwise' : g.groups > 1 ? 'grouped' : 'conv';
  return {
    path: step.path,
    operation: `${name} ${kernel}${fused.join('')}`,
    algorithm: g.algorithm,
    elements: length,
    macs: positions * g.inChannels * (g.outChannels / g.groups),
  };
}

/** The operation, and of a pooling or an activation which. */
function nameOf(step: Step): string {
  const [first] = step.args;
  if (first instanceof TracedPool) return `${first.geometry.kind} pool`;
  if (step.operation === 'activate') return activationOf(step)?.kind ?? step.operation;
  if (step.operation === 'binary') return String(first);
  return step.operation;
}
