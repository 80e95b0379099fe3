// MobileNet v1 (Howard et al. 2017): depthwise and pointwise convolutions in turn; v2 (Sandler et al. 2018): blocks that widen,
// filter depthwise and narrow again, around which the input goes. Names of weights are timm's of v1, torchvision's of v2.

import { Conv2d } from '../nn/conv.js';
import { Dropout } from '../nn/dropout.js';
import { Passage } from '../nn/in-turn.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { BatchNorm2d } from '../nn/norm.js';
import { AdaptiveAvgPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { adaptiveAvgPool2d } from '../ops/pool.js';
import { flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import { convNorm, withResidual } from './blocks.js';
import { backwards, begin, small } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

/** A depthwise 3x3 convolution and a pointwise one, each normalised. */
class DepthwiseSeparable extends Module {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  conv_dw: Conv2d;
  bn1: BatchNorm2d;
  conv_pw: Conv2d;
  bn2: BatchNorm2d;

  constructor(inChannels: number, outChannels: number, stride: number) {
    super();
    this.conv_dw = new Conv2d(inChannels, inChannels, 3, {
      stride,
      padding: 1,
      groups: inChannels,
      bias: false,
    });
    this.bn1 = new BatchNorm2d(inChannels, { activation: 'relu' });
    this.conv_pw = new Conv2d(inChannels, outChannels, 1, { bias: false });
    this.bn2 = new BatchNorm2d(outChannels, { activation: 'relu' });
  }

  override forward(x: Tensor): Tensor {
    return new Passage().through(x, [this.conv_dw, this.bn1, this.conv_pw, this.bn2]);
  }
}

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class MobileNetV1 extends Module {
  conv_stem = new Conv2d(3, 32, 3, { stride: 2, padding: 1, bias: false });
  bn1 = new BatchNorm2d(32, { activation: 'relu' });
  blocks: Sequential;
  global_pool = new AdaptiveAvgPool2d(1);
  classifier: Linear;

  /** @internal */
  constructor(numClasses: number) {
    super();
    let inChannels = 32;
    // Output channels and stride of each block, a row a stage
    const stages = [
      [[64, 1]],
      [
        [128, 2],
        [128, 1],
      ],
      [
        [256, 2],
        [256, 1],
      ],
      [
        [512, 2],
        [512, 1],
        [512, 1],
        [512, 1],
        [512, 1],
        [512, 1],
      ],
      [
        [1024, 2],
        [1024, 1],
      ],
    ];
    this.blocks = new Sequential(
      ...stages.map(
        (stage) =>
          new Sequential(
            ...stage.map(([outChannels, stride]) => {
              const block = new DepthwiseSeparable(inChannels, outChannels, stride);
              inChannels = outChannels;
              return block;
            }),
          ),
      ),
    );
    this.classifier = new Linear(inChannels, numClasses);
  }

  override forward(x: Tensor): Tensor {
    const y = new Passage().through(x, [this.conv_stem, this.bn1, this.blocks]);
    return this.classifier.forward(flatten(this.global_pool.forward(y), { startDim: 1 }));
  }
}

/** Widens `expansion` times, filters depthwise, narrows without an activation. */
class InvertedResidual extends Module {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  conv: Sequential;
  readonly #around: boolean;

  constructor(inChannels: number, outChannels: number, stride: number, expansion: number) {
    super();
    const width = inChannels * expansion;
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [convNorm(inChannels, width, 1, { activation: 'relu6' })]),
      convNorm(width, width, 3, { stride, groups: width, activation: 'relu6' }),
      new Conv2d(width, outChannels, 1, { bias: false }),
      new BatchNorm2d(outChannels),
    );
    this.#around = stride === 1 && inChannels === outChannels;
  }

  override forward(x: Tensor): Tensor {
    return this.#around ? withResidual(this.conv, x, x) : this.conv.forward(x);
  }
}

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class MobileNetV2 extends Module {
  features: Sequential;
  classifier: Sequential;

  /** @internal */
  constructor(numClasses: number) {
    super();
    let inChannels = 32;
    // Expansion, output channels, blocks and the first one's stride of each stage
    const stages = [
      [1, 16, 1, 1],
      [6, 24, 2, 2],
      [6, 32, 3, 2],
      [6, 64, 4, 2],
      [6, 96, 3, 1],
      [6, 160, 3, 2],
      [6, 320, 1, 1],
    ];
    const blocks = stages.flatMap(([expansion, outChannels, count, stride]) =>
      Array.from({ length: count }, (_, i) => {
        const block = new InvertedResidual(inChannels, outChannels, i === 0 ? stride : 1, expansion);
        inChannels = outChannels;
        return block;
      }),
    );
    this.features = new Sequential(
      convNorm(3, 32, 3, { stride: 2, activation: 'relu6' }),
      ...blocks,
      convNorm(inChannels, 1280, 1, { activation: 'relu6' }),
    );
    this.classifier = new Sequential(new Dropout(0.2), new Linear(1280, numClasses));
  }

  override forward(x: Tensor): Tensor {
    const pooled = adaptiveAvgPool2d(this.features.forward(x), { outputSize: 1 });
    return this.classifier.forward(flatten(pooled, { startDim: 1 }));
  }
}

/** MobileNet v1: 4.2 million parameters, 0.57 GMACs an image of 224x224. */
export const mobilenetV1 = (options?: ClassifierOptions): MobileNetV1 =>
  new MobileNetV1(numClassesOf(options, 'mobilenetV1'));

/** MobileNet v2: 3.5 million parameters, 0.30 GMACs an image of 224x224. */
export const mobilenetV2 = (options?: ClassifierOptions): MobileNetV2 =>
  begin(new MobileNetV2(numClassesOf(options, 'mobilenetV2')), { convolutions: backwards, linears: small });
