// GoogLeNet (Szegedy et al. 2014, "Going Deeper with Convolutions") with batch normalisation, and with 3x3 convolutions where the
// paper has 5x5, as published weights have it. Names of weights are torchvision's.

import { Dropout } from '../nn/dropout.js';
import { normal } from '../nn/init.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { relu } from '../ops/activate.js';
import { adaptiveAvgPool2d } from '../ops/pool.js';
import { concat, flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import {
  basicConv,
  type InceptionOptions,
  type InceptionSettings,
  inceptionSettings,
  transformed,
} from './inception-blocks.js';
import { begin } from './initial.js';

/** Output channels of the branches: 1x1; reduced and 3x3; reduced and the larger one; after pooling. */
type Widths = readonly [number, number, number, number, number, number];

/** Four branches side by side. */
class Inception extends Module {
  branch1: Sequential;
  branch2: Sequential;
  branch3: Sequential;
  branch4: Sequential;

  constructor(inChannels: number, [single, reduced3, out3, reduced5, out5, pooled]: Widths) {
    super();
    const reducing = (reduced: number, outChannels: number): Sequential =>
      new Sequential(basicConv(inChannels, reduced, 1), basicConv(reduced, outChannels, 3, { padding: 1 }));
    this.branch1 = basicConv(inChannels, single, 1);
    this.branch2 = reducing(reduced3, out3);
    this.branch3 = reducing(reduced5, out5);
    this.branch4 = new Sequential(
      new MaxPool2d(3, { stride: 1, padding: 1, ceilMode: true }),
      basicConv(inChannels, pooled, 1),
    );
  }

  override forward(x: Tensor): Tensor {
    const branches = [this.branch1, this.branch2, this.branch3, this.branch4];
    return concat(
      branches.map((branch) => branch.forward(x)),
      { dim: 1 },
    );
  }
}

/** A classifier of a layer on the way. */
class InceptionAux extends Module {
  conv: Sequential;
  fc1 = new Linear(2048, 1024);
  fc2: Linear;
  dropout = new Dropout(0.7);

  constructor(inChannels: number, numClasses: number) {
    super();
    this.conv = basicConv(inChannels, 128, 1);
    this.fc2 = new Linear(1024, numClasses);
  }

  override forward(x: Tensor): Tensor {
    const y = this.conv.forward(adaptiveAvgPool2d(x, { outputSize: 4 }));
    const hidden = relu(this.fc1.forward(flatten(y, { startDim: 1 })));
    return this.fc2.forward(this.dropout.forward(hidden));
  }
}

/** Logits [N, numClasses]; those of the classifiers on the way are null but in training. */
export interface GoogLeNetOutputs {
  readonly logits: Tensor;
  readonly auxLogits2: Tensor | null;
  readonly auxLogits1: Tensor | null;
}

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class GoogLeNet extends Module {
  conv1 = basicConv(3, 64, 7, { stride: 2, padding: 3 });
  maxpool1 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  conv2 = basicConv(64, 64, 1);
  conv3 = basicConv(64, 192, 3, { padding: 1 });
  maxpool2 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  inception3a = new Inception(192, [64, 96, 128, 16, 32, 32]);
  inception3b = new Inception(256, [128, 128, 192, 32, 96, 64]);
  maxpool3 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  inception4a = new Inception(480, [192, 96, 208, 16, 48, 64]);
  inception4b = new Inception(512, [160, 112, 224, 24, 64, 64]);
  inception4c = new Inception(512, [128, 128, 256, 24, 64, 64]);
  inception4d = new Inception(512, [112, 144, 288, 32, 64, 64]);
  inception4e = new Inception(528, [256, 160, 320, 32, 128, 128]);
  maxpool4 = new MaxPool2d(2, { stride: 2, ceilMode: true });
  inception5a = new Inception(832, [256, 160, 320, 32, 128, 128]);
  inception5b = new Inception(832, [384, 192, 384, 48, 128, 128]);
  aux1: InceptionAux | null;
  aux2: InceptionAux | null;
  avgpool = new AdaptiveAvgPool2d(1);
  dropout = new Dropout(0.2);
  fc: Linear;
  readonly transformInput: boolean;

  /** @internal */
  constructor({ numClasses, auxLogits, transformInput }: InceptionSettings) {
    super();
    this.aux1 = auxLogits ? new InceptionAux(512, numClasses) : null;
    this.aux2 = auxLogits ? new InceptionAux(528, numClasses) : null;
    this.fc = new Linear(1024, numClasses);
    this.transformInput = transformInput;
  }

  override forward(x: Tensor): Tensor {
    return this.#run(x, false).logits;
  }

  /** With the classifiers on the way, whose losses count 0.3 each in the paper. */
  forwardWithAux(x: Tensor): GoogLeNetOutputs {
    return this.#run(x, this.training);
  }

  #run(x: Tensor, aux: boolean): GoogLeNetOutputs {
    const through = (y: Tensor, ...layers: Module[]): Tensor =>
      layers.reduce((t, layer) => layer.forward(t), y);
    const stem = through(
      this.transformInput ? transformed(x) : x,
      ...[this.conv1, this.maxpool1, this.conv2, this.conv3, this.maxpool2],
    );
    const first = through(stem, this.inception3a, this.inception3b, this.maxpool3, this.inception4a);
    const auxLogits1 = aux && this.aux1 !== null ? this.aux1.forward(first) : null;
    const second = through(first, this.inception4b, this.inception4c, this.inception4d);
    const auxLogits2 = aux && this.aux2 !== null ? this.aux2.forward(second) : null;
    const features = through(second, this.inception4e, this.maxpool4, this.inception5a, this.inception5b);
    const pooled = flatten(this.avgpool.forward(features), { startDim: 1 });
    return { logits: this.fc.forward(this.dropout.forward(pooled)), auxLogits2, auxLogits1 };
  }
}

/** GoogLeNet: 6.6 million parameters, 13.0 with the classifiers on the way; 1.50 GMACs an image of 224x224. */
export function googlenet(options?: InceptionOptions): GoogLeNet {
  // torchvision cuts them off at 200 deviations, where there are none
  const narrow = ({ weight }: { weight: Tensor }) => normal(weight, { std: 0.01 });
  const net = new GoogLeNet(inceptionSettings(options, 'googlenet'));
  return begin(net, { convolutions: narrow, linears: narrow });
}
