// Residual networks: ResNet (He, Zhang, Ren, Sun 2015), wide ones (Zagoruyko, Komodakis 2016) and ResNeXt (Xie et al. 2016),
// whose 3x3 convolutions have groups. Names of weights are torchvision's.

import { Conv2d } from '../nn/conv.js';
import { Passage } from '../nn/in-turn.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { BatchNorm2d } from '../nn/norm.js';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import { convNorm } from './blocks.js';
import { backwards, begin } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

const conv3x3 = (
  inChannels: number,
  outChannels: number,
  { stride = 1, groups = 1, dilation = 1 } = {},
): Conv2d =>
  new Conv2d(inChannels, outChannels, 3, { stride, padding: dilation, dilation, groups, bias: false });
const conv1x1 = (inChannels: number, outChannels: number): Conv2d =>
  new Conv2d(inChannels, outChannels, 1, { bias: false });

/** The identity's way around a block: itself, or a 1x1 convolution where sizes change. */
const shortcut = (inChannels: number, outChannels: number, stride: number): Sequential | null =>
  stride === 1 && inChannels === outChannels
    ? null
    : convNorm(inChannels, outChannels, 1, { stride, activation: 'none' });

/** What the layers of a block make of x, normalised and added to what goes around them. */
function aroundBlock(
  x: Tensor,
  body: readonly [Module, ...Module[]],
  norm: BatchNorm2d,
  downsample: Sequential | null,
): Tensor {
  const passage = new Passage();
  const y = passage.through(x, body);
  passage.handOn(body[body.length - 1], y, norm);
  if (downsample === null) return norm.forward(y, { residual: x });
  const residual = downsample.forward(x);
  passage.handOn(downsample, residual, norm);
  return norm.forward(y, { residual });
}

export interface Shape {
  /** Output channels of a bottleneck for each of its width. */
  readonly expansion: number;
  readonly layers: readonly [number, number, number, number];
  readonly groups: number;
  readonly widthPerGroup: number;
  /** Of each of the last two layers, whether its filters are spread where others halve the image; not there: neither. */
  readonly dilated?: readonly [boolean, boolean];
}

/** Two 3x3 convolutions around which the input goes. */
class BasicBlock extends Module {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  downsample: Sequential | null;

  constructor(inChannels: number, channels: number, stride: number) {
    super();
    this.conv1 = conv3x3(inChannels, channels, { stride });
    this.bn1 = new BatchNorm2d(channels, { activation: 'relu' });
    this.conv2 = conv3x3(channels, channels);
    this.bn2 = new BatchNorm2d(channels, { activation: 'relu' });
    this.downsample = shortcut(inChannels, channels, stride);
  }

  override forward(x: Tensor): Tensor {
    return aroundBlock(x, [this.conv1, this.bn1, this.conv2], this.bn2, this.downsample);
  }
}

/** A 3x3 convolution between two 1x1 ones that narrow and widen, around which the input goes. */
class Bottleneck extends Module {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  downsample: Sequential | null;

  constructor(
    inChannels: number,
    channels: number,
    { stride, dilation }: { stride: number; dilation: number },
    { expansion, groups, widthPerGroup }: Shape,
  ) {
    super();
    const width = Math.trunc((channels * widthPerGroup) / 64) * groups;
    this.conv1 = conv1x1(inChannels, width);
    this.bn1 = new BatchNorm2d(width, { activation: 'relu' });
    this.conv2 = conv3x3(width, width, { stride, groups, dilation });
    this.bn2 = new BatchNorm2d(width, { activation: 'relu' });
    this.conv3 = conv1x1(width, channels * expansion);
    this.bn3 = new BatchNorm2d(channels * expansion, { activation: 'relu' });
    this.downsample = shortcut(inChannels, channels * expansion, stride);
  }

  override forward(x: Tensor): Tensor {
    const body: [Module, ...Module[]] = [this.conv1, this.bn1, this.conv2, this.bn2, this.conv3];
    return aroundBlock(x, body, this.bn3, this.downsample);
  }
}

/** All but the classifier: x [N, 3, H, W] gives features [N, outChannels, H/32, W/32]. */
export class ResNetBody extends Module {
  conv1 = new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
  bn1 = new BatchNorm2d(64, { activation: 'relu' });
  maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;

  /** @internal */
  constructor(shape: Shape) {
    super();
    let inChannels = 64;
    let dilation = 1;
    const layer = (channels: number, blocks: number, stride: number, dilated = false): Sequential => {
      const [first, others] = [dilation, dilated ? dilation * stride : dilation];
      dilation = others;
      return new Sequential(
        ...Array.from({ length: blocks }, (_, i) => {
          const before = inChannels;
          inChannels = channels * shape.expansion;
          const own = i === 0 && !dilated ? stride : 1;
          return shape.expansion === 1
            ? new BasicBlock(before, channels, own)
            : new Bottleneck(before, channels, { stride: own, dilation: i === 0 ? first : others }, shape);
        }),
      );
    };
    this.layer1 = layer(64, shape.layers[0], 1);
    this.layer2 = layer(128, shape.layers[1], 2);
    this.layer3 = layer(256, shape.layers[2], 2, shape.dilated?.[0]);
    this.layer4 = layer(512, shape.layers[3], 2, shape.dilated?.[1]);
  }

  #untilLast(): Module[] {
    return [this.conv1, this.bn1, this.maxpool, this.layer1, this.layer2, this.layer3];
  }

  /** The features before the last layer. */
  beforeLast(x: Tensor): Tensor {
    return new Passage().through(x, this.#untilLast());
  }

  override forward(x: Tensor): Tensor {
    return new Passage().through(x, [...this.#untilLast(), this.layer4]);
  }
}

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class ResNet extends ResNetBody {
  avgpool = new AdaptiveAvgPool2d(1);
  fc: Linear;

  /** @internal */
  constructor(shape: Shape, numClasses: number) {
    super(shape);
    this.fc = new Linear(512 * shape.expansion, numClasses);
  }

  override forward(x: Tensor): Tensor {
    return this.fc.forward(flatten(this.avgpool.forward(super.forward(x)), { startDim: 1 }));
  }
}

type Layers = Shape['layers'];

const resnet =
  (label: string, expansion: number, layers: Layers, groups = 1, widthPerGroup = 64) =>
  (options?: ClassifierOptions): ResNet =>
    begin(new ResNet({ expansion, layers, groups, widthPerGroup }, numClassesOf(options, label)), {
      convolutions: backwards,
    });

/** ResNet-18: 11.7 million parameters, 1.81 GMACs an image of 224x224. */
export const resnet18 = resnet('resnet18', 1, [2, 2, 2, 2]);
/** ResNet-34: 21.8 million parameters, 3.66 GMACs an image of 224x224. */
export const resnet34 = resnet('resnet34', 1, [3, 4, 6, 3]);
/** ResNet-50: 25.6 million parameters, 4.09 GMACs an image of 224x224. */
export const resnet50 = resnet('resnet50', 4, [3, 4, 6, 3]);
/** ResNet-101: 44.5 million parameters, 7.80 GMACs an image of 224x224. */
export const resnet101 = resnet('resnet101', 4, [3, 4, 23, 3]);
/** ResNet-152: blocks of 3, 8, 36 and 3. */
export const resnet152 = resnet('resnet152', 4, [3, 8, 36, 3]);
/** ResNet-50 with 3x3 convolutions twice as wide: 68.9 million parameters. */
export const wideResnet50_2 = resnet('wideResnet50_2', 4, [3, 4, 6, 3], 1, 128);
/** ResNet-101 with 3x3 convolutions twice as wide. */
export const wideResnet101_2 = resnet('wideResnet101_2', 4, [3, 4, 23, 3], 1, 128);
/** ResNeXt-50 with 32 groups of 4 channels: 25.0 million parameters, 4.23 GMACs an image of 224x224. */
export const resnext50_32x4d = resnet('resnext50_32x4d', 4, [3, 4, 6, 3], 32, 4);
/** ResNeXt-101 with 32 groups of 8 channels. */
export const resnext101_32x8d = resnet('resnext101_32x8d', 4, [3, 4, 23, 3], 32, 8);
