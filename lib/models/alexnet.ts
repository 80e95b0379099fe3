// AlexNet, as published weights have it: one tower (Krizhevsky 2014, "One weird trick"). Names of weights are torchvision's.

import { ReLU } from '../nn/activations.js';
import { Conv2d } from '../nn/conv.js';
import { Dropout } from '../nn/dropout.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
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
