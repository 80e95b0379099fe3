// convkit as a contender in training, through its public API. Data and starting values are those of contenders/training.py.

import type { Isa } from '../../binding.js';
import type { Tensor } from '../../lib/index.js';
import type { WeightedLayer } from '../../lib/nn/weighted-layer.js';
import { Absent } from '../contenders/contender.js';
import { makeConv } from '../contenders/convkit.js';
import { uniform } from '../data.js';
import { type Layer, product, shapes } from '../layer.js';
import { loadLibrary } from '../library.js';
import { needsInputGradient, type Step, type Subject, startingValues } from './subjects.js';

type Library = Awaited<ReturnType<typeof loadLibrary>>['convkit'];

/** A network or layer ready to train. */
export interface Trainee {
  /** One step, or one forward and backward pass; gradients are new each time. */
  run(): void;
  /** What the first steps give: losses, outputs and gradients by name, in row-major order. */
  outcome(): [string, Float32Array][];
  readonly version: string;
}

/** @throws Absent where this machine or build has no such backend. */
export async function convkitTrainee(
  { step, layer }: Subject,
  backend: Isa | 'reference',
  threads: number,
): Promise<Trainee> {
  const { convkit, engine } = await loadLibrary();
  try {
    if (backend === 'reference') engine.use('reference');
    else engine.use('native', { isa: backend });
  } catch (error) {
    throw new Absent(error instanceof Error ? error.message : String(error));
  }
  engine.setThreads(threads);
  const version = `numerics ${engine.info().numerics}`;
  if (step !== null) return { ...makeStep(step, convkit), version };
  if (layer !== null) return { ...makeLayer(layer, convkit), version };
  throw new Error('neither a step nor a layer');
}

function makeStep(step: Step, convkit: Library): Omit<Trainee, 'version'> {
  const { ops, optim, Tensor } = convkit;
  const network = makeNetwork(step, convkit);
  network.namedParameters().forEach(([name, parameter], i) => {
    parameter.data.set(startingValues(name, parameter.shape, 10 + i));
  });
  const x = new Tensor(uniform(product(step.input), 1), step.input).channelsLast();
  const target = Array.from({ length: step.input[0] }, (_, i) => (7 * i) % step.classes);
  const parameters = network.parameters();
  const optimizer =
    step.optimizer === 'sgd'
      ? new optim.SGD(parameters, { lr: 0.01, momentum: 0.9 })
      : new optim.Adam(parameters, { lr: 0.001 });
  const run = (): Tensor => {
    optimizer.zeroGrad();
    const loss = ops.crossEntropy(network.forward(x), target);
    loss.backward();
    optimizer.step();
    return loss;
  };
  return {
    run,
    outcome() {
      const first = run();
      const gradients = network
        .namedParameters()
        .map(([name, { grad }]): [string, Float32Array] => [name, values(grad)]);
      const losses = [first, run(), run()];
      return [
        ...losses.map((loss, i): [string, Float32Array] => [`loss ${i + 1}`, values(loss)]),
        ...gradients,
      ];
    },
  };
}

function makeNetwork({ model, classes }: Step, { nn, models }: Library) {
  switch (model) {
    case 'resnet18':
      return models.resnet18({ numClasses: classes });
    case 'mobilenetv2': {
      const network = models.mobilenetV2({ numClasses: classes });
      network.classifier.eval(); // without its dropout: others draw other numbers
      return network;
    }
    case 'cnn':
      return new nn.Sequential({
        conv1: new nn.Conv2d(1, 32, 3, { padding: 1 }),
        relu1: new nn.ReLU(),
        pool1: new nn.MaxPool2d(2),
        conv2: new nn.Conv2d(32, 64, 3, { padding: 1 }),
        relu2: new nn.ReLU(),
        pool2: new nn.MaxPool2d(2),
        flatten: new nn.Flatten(),
        linear1: new nn.Linear(3136, 128),
        relu3: new nn.ReLU(),
        linear2: new nn.Linear(128, classes),
      });
  }
}

function makeLayer(layer: Layer, convkit: Library): Omit<Trainee, 'version'> {
  const { Tensor } = convkit;
  const shape = shapes(layer);
  const conv: WeightedLayer = makeConv(layer, 'auto', convkit);
  conv.loadStateDict({
    weight: new Tensor(uniform(product(shape.weight), 2), shape.weight),
    bias: new Tensor(uniform(layer.outChannels, 3), [layer.outChannels]),
  });
  const x = new Tensor(uniform(product(shape.x), 1), shape.x).channelsLast();
  x.requiresGrad = needsInputGradient(layer);
  const upstream = new Tensor(uniform(product(shape.y), 4), shape.y).channelsLast();
  const trained: [string, Tensor][] = [
    ...(x.requiresGrad ? [['x', x] as [string, Tensor]] : []),
    ...conv.namedParameters(),
  ];
  const run = (): Tensor => {
    for (const [, tensor] of trained) tensor.grad = null;
    const y = conv.forward(x);
    y.backward(upstream);
    return y;
  };
  return {
    run,
    outcome() {
      const y = run();
      return [
        ['output', values(y)],
        ...trained.map(([name, { grad }]): [string, Float32Array] => [`gradient of ${name}`, values(grad)]),
      ];
    },
  };
}

/** A copy: some memory of gradients is used again. */
function values(tensor: Tensor | null): Float32Array {
  if (tensor === null) throw new Error('a gradient is missing');
  return tensor.data.slice();
}
