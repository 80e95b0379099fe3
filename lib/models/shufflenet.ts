// ShuffleNet v2 (Ma, Zhang, Zheng, Sun 2018): half of the channels goes around each block, and the halves are dealt out into one
// another after it. Names of weights are torchvision's.

import { ReLU } from '../nn/activations.js';
import { Conv2d } from '../nn/conv.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { BatchNorm2d } from '../nn/norm.js';
import { MaxPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { channelShuffle } from '../ops/channel-shuffle.js';
import { adaptiveAvgPool2d } from '../ops/pool.js';
import { concat, flatten } from '../ops/rearrange.js';
import { slice } from '../ops/slice.js';
import type { Tensor } from '../tensor/tensor.js';
import { convNorm } from './blocks.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

const pointwise = (inChannels: number, outChannels: number): Module[] => [
  new Conv2d(inChannels, outChannels, 1, { bias: false }),
  new BatchNorm2d(outChannels),
  new ReLU(),
];
const depthwise = (channels: number, stride: number): Module[] => [
  new Conv2d(channels, channels, 3, { stride, padding: 1, groups: channels, bias: false }),
  new BatchNorm2d(channels),
];

/** At stride 1 the second half of the channels is filtered; at stride 2 all are, in both branches. */
class InvertedResidual extends Module {
  branch1: Sequential | null;
  branch2: Sequential;

  constructor(inChannels: number, outChannels: number, stride: number) {
    super();
    const half = outChannels / 2;
    this.branch1 =
      stride === 1 ? null : new Sequential(...depthwise(inChannels, stride), ...pointwise(inChannels, half));
    this.branch2 = new Sequential(
      ...pointwise(stride === 1 ? half : inChannels, half),
      ...depthwise(half, stride),
      ...pointwise(half, half),
    );
  }

  override forward(x: Tensor): Tensor {
    const half = x.shape[1] / 2;
    const halves =
      this.branch1 === null
        ? [slice(x, { dim: 1, end: half }), this.branch2.forward(slice(x, { dim: 1, start: half }))]
        : [this.branch1.forward(x), this.branch2.forward(x)];
    return channelShuffle(concat(halves, { dim: 1 }), 2);
  }
}

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class ShuffleNetV2 extends Module {
  conv1 = convNorm(3, 24, 3, { stride: 2 });
  maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  stage2: Sequential;
  stage3: Sequential;
  stage4: Sequential;
  conv5: Sequential;
  fc: Linear;

  /** @internal */
  constructor([first, second, third, last]: readonly number[], numClasses: number) {
    super();
    const stage = (inChannels: number, outChannels: number, blocks: number): Sequential =>
      new Sequential(
        ...Array.from({ length: blocks }, (_, i) =>
          i === 0
            ? new InvertedResidual(inChannels, outChannels, 2)
            : new InvertedResidual(outChannels, outChannels, 1),
        ),
      );
    this.stage2 = stage(24, first, 4);
    this.stage3 = stage(first, second, 8);
    this.stage4 = stage(second, third, 4);
    this.conv5 = convNorm(third, last, 1);
    this.fc = new Linear(last, numClasses);
  }

  override forward(x: Tensor): Tensor {
    const layers = [this.maxpool, this.stage2, this.stage3, this.stage4, this.conv5];
    const features = layers.reduce((y: Tensor, layer: Module) => layer.forward(y), this.conv1.forward(x));
    return this.fc.forward(flatten(adaptiveAvgPool2d(features, { outputSize: 1 }), { startDim: 1 }));
  }
}

/** ShuffleNet v2 of its usual width: 2.3 million parameters, 0.14 GMACs an image of 224x224. */
export const shufflenetV2 = (options?: ClassifierOptions): ShuffleNetV2 =>
  new ShuffleNetV2([116, 232, 464, 1024], numClassesOf(options, 'shufflenetV2'));
