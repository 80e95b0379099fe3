// VGG (Simonyan, Zisserman 2014): 3x3 convolutions and pools alone, with batch normalisation or without. Names of weights are
// torchvision's.

import { ReLU } from '../nn/activations.js';
import { Conv2d } from '../nn/conv.js';
import { Dropout } from '../nn/dropout.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { BatchNorm2d } from '../nn/norm.js';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import { backwards, begin, small } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

const POOL = 'pool';

/** Output channels of each convolution, and where pools stand between them. */
const stages = (counts: readonly number[]): (number | typeof POOL)[] =>
  counts.flatMap((count, stage) => [...new Array<number>(count).fill([64, 128, 256, 512, 512][stage]), POOL]);

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class VGG extends Module {
  features: Sequential;
  avgpool = new AdaptiveAvgPool2d(7);
  classifier: Sequential;

  /** @internal */
  constructor(counts: readonly number[], normalised: boolean, numClasses: number) {
    super();
    let inChannels = 3;
    this.features = new Sequential(
      ...stages(counts).flatMap((entry): Module[] => {
        if (entry === POOL) return [new MaxPool2d(2)];
        const conv = new Conv2d(inChannels, entry, 3, { padding: 1 });
        inChannels = entry;
        return normalised ? [conv, new BatchNorm2d(entry), new ReLU()] : [conv, new ReLU()];
      }),
    );
    this.classifier = new Sequential(
      new Linear(512 * 7 * 7, 4096),
      new ReLU(),
      new Dropout(),
      new Linear(4096, 4096),
      new ReLU(),
      new Dropout(),
      new Linear(4096, numClasses),
    );
  }

  override forward(x: Tensor): Tensor {
    const y = this.avgpool.forward(this.features.forward(x));
    return this.classifier.forward(flatten(y, { startDim: 1 }));
  }
}

const vgg =
  (label: string, counts: readonly number[], normalised: boolean) =>
  (options?: ClassifierOptions): VGG =>
    begin(new VGG(counts, normalised, numClassesOf(options, label)), {
      convolutions: backwards,
      linears: small,
    });

const DEPTHS = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const;

/** VGG-11: 132.9 million parameters, 7.61 GMACs an image of 224x224. */
export const vgg11 = vgg('vgg11', DEPTHS[11], false);
/** VGG-13. */
export const vgg13 = vgg('vgg13', DEPTHS[13], false);
/** VGG-16: 138.4 million parameters, 15.5 GMACs an image of 224x224. */
export const vgg16 = vgg('vgg16', DEPTHS[16], false);
/** VGG-19. */
export const vgg19 = vgg('vgg19', DEPTHS[19], false);
/** VGG-11 with batch normalisation. */
export const vgg11Bn = vgg('vgg11Bn', DEPTHS[11], true);
/** VGG-13 with batch normalisation. */
export const vgg13Bn = vgg('vgg13Bn', DEPTHS[13], true);
/** VGG-16 with batch normalisation. */
export const vgg16Bn = vgg('vgg16Bn', DEPTHS[16], true);
/** VGG-19 with batch normalisation. */
export const vgg19Bn = vgg('vgg19Bn', DEPTHS[19], true);
