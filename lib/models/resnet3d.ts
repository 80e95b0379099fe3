// R3D-18 (Tran et al. 2017, "A Closer Look at Spatiotemporal Convolutions for Action Recognition"): a residual network whose
// convolutions span time as well. Names of weights are torchvision's.

import { Conv3d } from '../nn/conv.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { BatchNorm3d } from '../nn/norm.js';
import { AdaptiveAvgPool3d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import { withResidual } from './blocks.js';
import { backwards, begin, small } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

const conv = (inChannels: number, outChannels: number, kernelSize: number, stride = 1): Conv3d =>
  new Conv3d(inChannels, outChannels, kernelSize, { stride, padding: (kernelSize - 1) / 2, bias: false });

/** Two 3x3x3 convolutions around which the input goes. */
class BasicBlock extends Module {
  conv1: Sequential;
  conv2: Sequential;
  downsample: Sequential | null;

  constructor(inChannels: number, channels: number, stride: number) {
    super();
    const active = new BatchNorm3d(channels, { activation: 'relu' });
    this.conv1 = new Sequential(conv(inChannels, channels, 3, stride), active);
    this.conv2 = new Sequential(
      conv(channels, channels, 3),
      new BatchNorm3d(channels, { activation: 'relu' }),
    );
    this.downsample =
      stride === 1 && inChannels === channels
        ? null
        : new Sequential(conv(inChannels, channels, 1, stride), new BatchNorm3d(channels));
  }

  override forward(x: Tensor): Tensor {
    return withResidual(this.conv2, this.conv1.forward(x), this.downsample?.forward(x) ?? x);
  }
}

/** x [N, 3, frames, H, W] gives logits [N, numClasses]; clips were 16 frames of 112x112 when it was published. */
export class VideoResNet extends Module {
  stem = new Sequential(
    new Conv3d(3, 64, [3, 7, 7], { stride: [1, 2, 2], padding: [1, 3, 3], bias: false }),
    new BatchNorm3d(64, { activation: 'relu' }),
  );
  layer1 = new Sequential(new BasicBlock(64, 64, 1), new BasicBlock(64, 64, 1));
  layer2 = new Sequential(new BasicBlock(64, 128, 2), new BasicBlock(128, 128, 1));
  layer3 = new Sequential(new BasicBlock(128, 256, 2), new BasicBlock(256, 256, 1));
  layer4 = new Sequential(new BasicBlock(256, 512, 2), new BasicBlock(512, 512, 1));
  avgpool = new AdaptiveAvgPool3d(1);
  fc: Linear;

  /** @internal */
  constructor(numClasses: number) {
    super();
    this.fc = new Linear(512, numClasses);
  }

  override forward(x: Tensor): Tensor {
    const layers = [this.layer1, this.layer2, this.layer3, this.layer4, this.avgpool];
    const pooled = layers.reduce((y: Tensor, layer: Module) => layer.forward(y), this.stem.forward(x));
    return this.fc.forward(flatten(pooled, { startDim: 1 }));
  }
}

/** R3D-18: 33.4 million parameters, 40.7 GMACs a clip of 16 frames of 112x112; 400 classes, Kinetics', unless asked for others. */
export function r3d18(options: ClassifierOptions = {}): VideoResNet {
  const numClasses = numClassesOf({ numClasses: 400, ...options }, 'r3d18');
  return begin(new VideoResNet(numClasses), { convolutions: backwards, linears: small });
}
