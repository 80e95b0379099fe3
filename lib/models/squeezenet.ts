// SqueezeNet 1.1 (Iandola et al. 2016): modules that squeeze to few channels and expand by 1x1 and 3x3 filters side by side.
// Names of weights are torchvision's.

import { ReLU } from '../nn/activations.js';
import { Conv2d } from '../nn/conv.js';
import { Dropout } from '../nn/dropout.js';
import { kaimingUniform, normal } from '../nn/init.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { concat, flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import { begin, noBias } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

class Fire extends Module {
  squeeze: Conv2d;
  expand1x1: Conv2d;
  expand3x3: Conv2d;

  constructor(inChannels: number, squeezed: number, expanded: number) {
    super();
    this.squeeze = new Conv2d(inChannels, squeezed, 1, { activation: 'relu' });
    this.expand1x1 = new Conv2d(squeezed, expanded, 1, { activation: 'relu' });
    this.expand3x3 = new Conv2d(squeezed, expanded, 3, { padding: 1, activation: 'relu' });
  }

  override forward(x: Tensor): Tensor {
    const y = this.squeeze.forward(x);
    return concat([this.expand1x1.forward(y), this.expand3x3.forward(y)], { dim: 1 });
  }
}

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class SqueezeNet extends Module {
  features = new Sequential(
    new Conv2d(3, 64, 3, { stride: 2 }),
    new ReLU(),
    new MaxPool2d(3, { stride: 2, ceilMode: true }),
    new Fire(64, 16, 64),
    new Fire(128, 16, 64),
    new MaxPool2d(3, { stride: 2, ceilMode: true }),
    new Fire(128, 32, 128),
    new Fire(256, 32, 128),
    new MaxPool2d(3, { stride: 2, ceilMode: true }),
    new Fire(256, 48, 192),
    new Fire(384, 48, 192),
    new Fire(384, 64, 256),
    new Fire(512, 64, 256),
  );
  classifier: Sequential;

  /** @internal */
  constructor(numClasses: number) {
    super();
    this.classifier = new Sequential(
      new Dropout(),
      new Conv2d(512, numClasses, 1),
      new ReLU(),
      new AdaptiveAvgPool2d(1),
    );
  }

  override forward(x: Tensor): Tensor {
    return flatten(this.classifier.forward(this.features.forward(x)), { startDim: 1 });
  }
}

/** SqueezeNet 1.1: 1.2 million parameters, 0.35 GMACs an image of 224x224. */
export const squeezenet1_1 = (options?: ClassifierOptions): SqueezeNet =>
  begin(new SqueezeNet(numClassesOf(options, 'squeezenet1_1')), {
    convolutions(layer, path) {
      if (path === 'classifier.1') normal(layer.weight, { std: 0.01 });
      else kaimingUniform(layer.weight);
      noBias(layer);
    },
  });
