// DenseNet (Huang, Liu, van der Maaten, Weinberger 2016): each layer reads what all before it have made. Names of weights are
// torchvision's, those of its published checkpoints ('norm.1' for 'norm1') are understood too.

import { Conv2d } from '../nn/conv.js';
import { kaimingNormal } from '../nn/init.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { BatchNorm2d } from '../nn/norm.js';
import { AvgPool2d, MaxPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { adaptiveAvgPool2d } from '../ops/pool.js';
import { concat, flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import { begin, noBias } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

/** How many channels each layer adds, and for each of them how many its first convolution gives the second. */
const GROWTH = 32;
const BOTTLENECK = 4;

const normed = (channels: number): BatchNorm2d => new BatchNorm2d(channels, { activation: 'relu' });

/** Makes `GROWTH` new channels. */
class DenseLayer extends Module {
  norm1: BatchNorm2d;
  conv1: Conv2d;
  norm2 = normed(BOTTLENECK * GROWTH);
  conv2 = new Conv2d(BOTTLENECK * GROWTH, GROWTH, 3, { padding: 1, bias: false });

  constructor(inChannels: number) {
    super();
    this.norm1 = normed(inChannels);
    this.conv1 = new Conv2d(inChannels, BOTTLENECK * GROWTH, 1, { bias: false });
  }

  override forward(x: Tensor): Tensor {
    const narrow = this.conv1.forward(this.norm1.forward(x));
    return this.conv2.forward(this.norm2.forward(narrow));
  }

  protected override formerName(name: string): string {
    return name.replace(/^(norm|conv)\.([12])\./, '$1$2.');
  }
}

/** Layers `denselayer1`, `denselayer2` and so on, each behind the input and all new channels before it. */
class DenseBlock extends Sequential {
  constructor(layers: number, inChannels: number) {
    const names = Array.from({ length: layers }, (_, i) => `denselayer${i + 1}`);
    super(Object.fromEntries(names.map((name, i) => [name, new DenseLayer(inChannels + i * GROWTH)])));
  }

  override forward(x: Tensor): Tensor {
    const made = [x];
    let y = x;
    for (const [, layer] of this.namedChildren()) {
      made.push(layer.forward(y));
      y = concat(made, { dim: 1 });
    }
    return y;
  }
}

const transition = (inChannels: number, outChannels: number): Sequential =>
  new Sequential({
    norm: normed(inChannels),
    conv: new Conv2d(inChannels, outChannels, 1, { bias: false }),
    pool: new AvgPool2d(2),
  });

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class DenseNet extends Module {
  features: Sequential;
  classifier: Linear;

  /** @internal */
  constructor(blocks: readonly number[], numClasses: number) {
    super();
    let channels = 64;
    const body: [string, Module][] = blocks.flatMap((layers, i): [string, Module][] => {
      const block: [string, Module] = [`denseblock${i + 1}`, new DenseBlock(layers, channels)];
      channels += layers * GROWTH;
      if (i === blocks.length - 1) return [block];
      const narrowing: [string, Module] = [`transition${i + 1}`, transition(channels, channels / 2)];
      channels /= 2;
      return [block, narrowing];
    });
    this.features = new Sequential({
      conv0: new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false }),
      norm0: normed(64),
      pool0: new MaxPool2d(3, { stride: 2, padding: 1 }),
      ...Object.fromEntries(body),
      norm5: normed(channels),
    });
    this.classifier = new Linear(channels, numClasses);
  }

  override forward(x: Tensor): Tensor {
    const pooled = adaptiveAvgPool2d(this.features.forward(x), { outputSize: 1 });
    return this.classifier.forward(flatten(pooled, { startDim: 1 }));
  }
}

const densenet =
  (label: string, blocks: readonly number[]) =>
  (options?: ClassifierOptions): DenseNet =>
    begin(new DenseNet(blocks, numClassesOf(options, label)), {
      convolutions: ({ weight }) => kaimingNormal(weight),
      linears: noBias,
    });

/** DenseNet-121: 8.0 million parameters, 2.83 GMACs an image of 224x224. */
export const densenet121 = densenet('densenet121', [6, 12, 24, 16]);
/** DenseNet-169: 14.1 million parameters, 3.36 GMACs an image of 224x224. */
export const densenet169 = densenet('densenet169', [6, 12, 32, 32]);
