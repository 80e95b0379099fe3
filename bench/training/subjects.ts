// What is trained: whole steps of networks, and the gradients of single layers. It knows nothing of who trains.

import { uniform } from '../data.js';
import { describe, flops, type Layer, product } from '../layer.js';

/** One step: gradients cleared, forward, cross-entropy, backward, the optimiser's update; always of the same batch. */
export interface Step {
  readonly model: 'resnet18' | 'mobilenetv2' | 'cnn';
  /** [N, C, H, W]. */
  readonly input: readonly number[];
  readonly classes: number;
  /** SGD of momentum 0.9, or Adam with its usual settings. */
  readonly optimizer: 'sgd' | 'adam';
}

/** A step, or a layer whose forward and backward passes are one call. */
export interface Subject {
  readonly name: string;
  readonly class: string;
  readonly line: string;
  /** Operations of the layer's forward pass and its gradients; 0 of a step, where nobody counts them. */
  readonly flops: number;
  readonly step: Step | null;
  readonly layer: Layer | null;
}

/** Numbers of both sides that must agree before anything is timed: losses, outputs, gradients. */
export interface Part {
  readonly name: string;
  readonly length: number;
}

export const STEP_CLASS = 'step';

/** What a step should reach, and the geometric mean of the layers, in times PyTorch. */
export const TARGETS = { step: 1.5, layers: 1.3 } as const;

const IMAGE = [8, 3, 224, 224];

const STEPS: readonly Subject[] = [
  step('resnet18', { model: 'resnet18', input: IMAGE, classes: 1000, optimizer: 'sgd' }),
  step('mobilenetv2', { model: 'mobilenetv2', input: IMAGE, classes: 1000, optimizer: 'sgd' }),
  step('cnn', { model: 'cnn', input: [64, 1, 28, 28], classes: 10, optimizer: 'adam' }),
];

function step(name: string, own: Step): Subject {
  const { model, input, optimizer } = own;
  const line = `${model} ${input.join('x')} ${optimizer}`;
  return { name: `${name}-batch${input[0]}`, class: STEP_CLASS, line, flops: 0, step: own, layer: null };
}

/** The steps, then the layers. */
export const subjects = (layers: readonly Layer[]): Subject[] => [
  ...STEPS,
  ...layers.map((layer) => ({
    name: layer.name,
    class: layer.class,
    line: `${describe(layer)} forward+backward`,
    flops: (needsInputGradient(layer) ? 3 : 2) * flops(layer),
    step: null,
    layer,
  })),
];

/** Images of up to three channels are a network's first input: nobody asks for their gradient. */
export const needsInputGradient = ({ inChannels }: Layer): boolean => inChannels > 3;

/** What a parameter begins with: Kaiming's uniform bound for weights, so that signals keep their size, ones for scales. */
export function startingValues(name: string, shape: readonly number[], seed: number): Float32Array {
  const numbers = uniform(product(shape), seed);
  if (shape.length > 1) {
    const bound = Math.sqrt(6 / product(shape.slice(1)));
    return numbers.map((number) => number * bound);
  }
  const centre = name.endsWith('weight') ? 1 : 0;
  return numbers.map((number) => number * 0.1 + centre);
}
