// AlexNet, as published weights have it: one tower (Krizhevsky 2014, "One weird trick"), names of weights being torchvision's; and
// as it was (Krizhevsky, Sutskever, Hinton 2012): two towers, which meet in the third layer, and local responses normalised.

import { ReLU } from '../nn/activations.js';
import { Conv2d } from '../nn/conv.js';
import { Dropout } from '../nn/dropout.js';
import { Linear } from '../nn/linear.js';
import { LocalResponseNorm } from '../nn/local-response.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import { begin, small } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class AlexNet extends Module {
  features = new Sequential(
    new Conv2d(3, 64, 11, { stride: 4, padding: 2 }),
    new ReLU(),
    new MaxPool2d(3, { stride: 2 }),
    new Conv2d(64, 192, 5, { padding: 2 }),
    new ReLU(),
    new MaxPool2d(3, { stride: 2 }),
    new Conv2d(192, 384, 3, { padding: 1 }),
    new ReLU(),
    new Conv2d(384, 256, 3, { padding: 1 }),
    new ReLU(),
    new Conv2d(256, 256, 3, { padding: 1 }),
    new ReLU(),
    new MaxPool2d(3, { stride: 2 }),
  );
  avgpool = new AdaptiveAvgPool2d(6);
  classifier: Sequential;

  /** @internal */
  constructor(numClasses: number) {
    super();
    this.classifier = new Sequential(
      new Dropout(),
      new Linear(256 * 6 * 6, 4096),
      new ReLU(),
      new Dropout(),
      new Linear(4096, 4096),
      new ReLU(),
      new Linear(4096, numClasses),
    );
  }

  override forward(x: Tensor): Tensor {
    const y = this.avgpool.forward(this.features.forward(x));
    return this.classifier.forward(flatten(y, { startDim: 1 }));
  }
}

/** AlexNet: 61.1 million parameters, 0.71 GMACs an image of 224x224. */
export const alexnet = (options?: ClassifierOptions): AlexNet =>
  new AlexNet(numClassesOf(options, 'alexnet'));

/** The paper's k + alpha * sum, with a mean in place of the sum. */
const responses = (): LocalResponseNorm => new LocalResponseNorm(5, { alpha: 5e-4, beta: 0.75, k: 2 });

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224, padded so that there are 55x55 filters. */
export class AlexNetOriginal extends Module {
  features = new Sequential(
    new Conv2d(3, 96, 11, { stride: 4, padding: 2, activation: 'relu' }),
    responses(),
    new MaxPool2d(3, { stride: 2 }),
    new Conv2d(96, 256, 5, { padding: 2, groups: 2, activation: 'relu' }),
    responses(),
    new MaxPool2d(3, { stride: 2 }),
    new Conv2d(256, 384, 3, { padding: 1, activation: 'relu' }),
    new Conv2d(384, 384, 3, { padding: 1, groups: 2, activation: 'relu' }),
    new Conv2d(384, 256, 3, { padding: 1, groups: 2, activation: 'relu' }),
    new MaxPool2d(3, { stride: 2 }),
  );
  avgpool = new AdaptiveAvgPool2d(6);
  classifier: Sequential;

  /** @internal */
  constructor(numClasses: number) {
    super();
    this.classifier = new Sequential(
      new Linear(256 * 6 * 6, 4096, { activation: 'relu' }),
      new Dropout(),
      new Linear(4096, 4096, { activation: 'relu' }),
      new Dropout(),
      new Linear(4096, numClasses),
    );
  }

  override forward(x: Tensor): Tensor {
    const y = this.avgpool.forward(this.features.forward(x));
    return this.classifier.forward(flatten(y, { startDim: 1 }));
  }
}

/** AlexNet as of 2012: 61.0 million parameters; weights begin normal with a deviation of 0.01, as the paper's did. */
export const alexnetOriginal = (options?: ClassifierOptions): AlexNetOriginal =>
  begin(new AlexNetOriginal(numClassesOf(options, 'alexnetOriginal')), {
    convolutions: small,
    linears: small,
  });
