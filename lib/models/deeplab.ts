// DeepLabV3 (Chen, Papandreou, Schroff, Adam 2017): a class for each pixel, from ResNet-50's features at an eighth of the size seen
// through filters of several dilations. Names of weights are torchvision's.

import { ReLU } from '../nn/activations.js';
import { Conv2d } from '../nn/conv.js';
import { Dropout } from '../nn/dropout.js';
import { Module } from '../nn/module.js';
import { BatchNorm2d } from '../nn/norm.js';
import { AdaptiveAvgPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { flag, knownOptions } from '../ops/options.js';
import { concat } from '../ops/rearrange.js';
import { upsample } from '../ops/upsample.js';
import type { Tensor } from '../tensor/tensor.js';
import { convNorm } from './blocks.js';
import { backwards, begin } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';
import { ResNetBody } from './resnet.js';

export interface SegmentationOptions extends ClassifierOptions {
  /** Whether there is a classifier of layer3, which helps in training and comes with published weights; false. */
  auxLoss?: boolean;
}

/** y stretched over the positions of x. */
const over = (x: Tensor, y: Tensor): Tensor => upsample(y, { size: x.shape.slice(2), mode: 'bilinear' });

/** The mean of all positions, at each of them. */
class PooledBranch extends Sequential {
  constructor(inChannels: number, outChannels: number) {
    super(
      new AdaptiveAvgPool2d(1),
      new Conv2d(inChannels, outChannels, 1, { bias: false }),
      new BatchNorm2d(outChannels, { activation: 'relu' }),
    );
  }

  override forward(x: Tensor): Tensor {
    return over(x, super.forward(x));
  }
}

const WIDTH = 256;

/** Filters of several dilations and the mean of the whole, side by side ("atrous spatial pyramid pooling"). */
class Pyramid extends Module {
  convs: Sequential[];
  project: Sequential;

  constructor(inChannels: number) {
    super();
    this.convs = [
      convNorm(inChannels, WIDTH, 1),
      ...[12, 24, 36].map((dilation) => convNorm(inChannels, WIDTH, 3, { dilation })),
      new PooledBranch(inChannels, WIDTH),
    ];
    this.project = new Sequential(
      new Conv2d(this.convs.length * WIDTH, WIDTH, 1, { bias: false }),
      new BatchNorm2d(WIDTH, { activation: 'relu' }),
      new Dropout(),
    );
  }

  override forward(x: Tensor): Tensor {
    const branches = this.convs.map((branch) => branch.forward(x));
    return this.project.forward(concat(branches, { dim: 1 }));
  }
}

/** Scores of each pixel [N, numClasses, H, W]; those of the classifier on the way are null where there is none. */
export interface SegmentationOutputs {
  readonly out: Tensor;
  readonly aux: Tensor | null;
}

/** x [N, 3, H, W] gives scores [N, numClasses, H, W], what torchvision's model calls `out`. */
export class DeepLabV3 extends Module {
  backbone = new ResNetBody({
    ...{ expansion: 4, layers: [3, 4, 6, 3], groups: 1, widthPerGroup: 64 },
    dilated: [true, true],
  });
  classifier: Sequential;
  aux_classifier: Sequential | null;

  /** @internal */
  constructor(numClasses: number, auxLoss: boolean) {
    super();
    this.classifier = new Sequential(
      new Pyramid(2048),
      new Conv2d(WIDTH, WIDTH, 3, { padding: 1, bias: false }),
      new BatchNorm2d(WIDTH),
      new ReLU(),
      new Conv2d(WIDTH, numClasses, 1),
    );
    this.aux_classifier = auxLoss
      ? new Sequential(
          new Conv2d(1024, 256, 3, { padding: 1, bias: false }),
          new BatchNorm2d(256),
          new ReLU(),
          new Dropout(0.1),
          new Conv2d(256, numClasses, 1),
        )
      : null;
  }

  override forward(x: Tensor): Tensor {
    return over(x, this.classifier.forward(this.backbone.forward(x)));
  }

  /** With the scores of the classifier on the way. */
  forwardWithAux(x: Tensor): SegmentationOutputs {
    const middle = this.backbone.beforeLast(x);
    const out = over(x, this.classifier.forward(this.backbone.layer4.forward(middle)));
    return { out, aux: this.aux_classifier && over(x, this.aux_classifier.forward(middle)) };
  }
}

/** DeepLabV3 on ResNet-50: 39.6 million parameters, 42.0 with the classifier on the way; 21 classes unless asked for others. */
export function deeplabv3Resnet50(options?: SegmentationOptions): DeepLabV3 {
  const label = 'deeplabv3Resnet50';
  const { auxLoss = false, ...rest } = knownOptions(options, ['numClasses', 'auxLoss'], label);
  const net = new DeepLabV3(
    numClassesOf({ numClasses: 21, ...rest }, label),
    flag(auxLoss, 'auxLoss', label),
  );
  begin(net.backbone, { convolutions: backwards });
  return net;
}
