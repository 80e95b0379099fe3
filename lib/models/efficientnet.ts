// EfficientNet B0 to B4 (Tan, Le 2019): blocks that widen, filter depthwise, weigh their channels and narrow again, all scaled in
// width and depth together. Names of weights are torchvision's.

import { Dropout } from '../nn/dropout.js';
import { uniform } from '../nn/init.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { add, mul } from '../ops/arithmetic.js';
import { dropout } from '../ops/dropout.js';
import { flatten } from '../ops/rearrange.js';
import { Tensor } from '../tensor/tensor.js';
import { convNorm, withResidual } from './blocks.js';
import { backwards, begin, noBias } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';
import { multipleOf8, SqueezeExcitation } from './squeeze-excitation.js';

/** How a network differs from B0. */
interface Scale {
  readonly width: number;
  readonly depth: number;
  /** The probability of the classifier's inputs to be dropped in training. */
  readonly dropped: number;
}

/** Expansion, kernel size, the first block's stride, output channels and blocks of each stage of B0. */
const STAGES = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
];

/** In training, the last block is left out for one image in five, the others for fewer. */
const LEFT_OUT = 0.2;

interface BlockSizes {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly expansion: number;
  readonly kernelSize: number;
  readonly stride: number;
}

/**
 * Widens, filters depthwise, weighs, narrows; the input goes around where sizes allow. In training the block is left out of
 * some images' sums (stochastic depth, Huang et al. 2016), drawn from `manualSeed`'s sequence, and counts more in the others'.
 */
class MBConv extends Module {
  block: Sequential;
  readonly #around: boolean;
  readonly #leftOut: number;

  constructor({ inChannels, outChannels, expansion, kernelSize, stride }: BlockSizes, leftOut: number) {
    super();
    const width = inChannels * expansion;
    const squeezed = Math.max(1, Math.floor(inChannels / 4));
    this.block = new Sequential(
      ...(expansion === 1 ? [] : [convNorm(inChannels, width, 1, { activation: 'silu' })]),
      convNorm(width, width, kernelSize, { stride, groups: width, activation: 'silu' }),
      new SqueezeExcitation(width, squeezed, { activation: 'silu', gate: 'sigmoid' }),
      convNorm(width, outChannels, 1, { activation: 'none' }),
    );
    this.#around = stride === 1 && inChannels === outChannels;
    this.#leftOut = leftOut;
  }

  override forward(x: Tensor): Tensor {
    if (!this.#around) return this.block.forward(x);
    if (!this.training || this.#leftOut === 0) return withResidual(this.block, x, x);
    const kept = dropout(Tensor.ones([x.shape[0], 1, 1, 1]), { p: this.#leftOut });
    return add(mul(this.block.forward(x), kept), x);
  }
}

/** x [N, 3, H, W] gives logits [N, numClasses]. */
export class EfficientNet extends Module {
  features: Sequential;
  avgpool = new AdaptiveAvgPool2d(1);
  classifier: Sequential;

  /** @internal */
  constructor({ width, depth, dropped }: Scale, numClasses: number) {
    super();
    const stages = STAGES.map(([expansion, kernelSize, stride, outChannels, blocks]) => ({
      ...{ expansion, kernelSize, stride },
      outChannels: multipleOf8(outChannels * width),
      blocks: Math.ceil(blocks * depth),
    }));
    const total = stages.reduce((sum, { blocks }) => sum + blocks, 0);
    const first = multipleOf8(32 * width);
    let inChannels = first;
    let place = 0;
    const body = stages.map(
      ({ blocks, stride, ...shared }) =>
        new Sequential(
          ...Array.from({ length: blocks }, (_, i) => {
            const sizes = { ...shared, inChannels, stride: i === 0 ? stride : 1 };
            inChannels = shared.outChannels;
            return new MBConv(sizes, (LEFT_OUT * place++) / total);
          }),
        ),
    );
    const last = 4 * inChannels;
    this.features = new Sequential(
      convNorm(3, first, 3, { stride: 2, activation: 'silu' }),
      ...body,
      convNorm(inChannels, last, 1, { activation: 'silu' }),
    );
    this.classifier = new Sequential(new Dropout(dropped), new Linear(last, numClasses));
  }

  override forward(x: Tensor): Tensor {
    const pooled = this.avgpool.forward(this.features.forward(x));
    return this.classifier.forward(flatten(pooled, { startDim: 1 }));
  }
}

const efficientnet =
  (label: string, scale: Scale) =>
  (options?: ClassifierOptions): EfficientNet =>
    begin(new EfficientNet(scale, numClassesOf(options, label)), {
      convolutions: backwards,
      linears(layer) {
        const bound = 1 / Math.sqrt(layer.weight.shape[0]);
        uniform(layer.weight, { a: -bound, b: bound });
        noBias(layer);
      },
    });

/** EfficientNet-B0: 5.3 million parameters, 0.39 GMACs an image of 224x224. */
export const efficientnetB0 = efficientnet('efficientnetB0', { width: 1, depth: 1, dropped: 0.2 });
/** EfficientNet-B1: 7.8 million parameters; published for 240x240. */
export const efficientnetB1 = efficientnet('efficientnetB1', { width: 1, depth: 1.1, dropped: 0.2 });
/** EfficientNet-B2: 9.1 million parameters; published for 288x288. */
export const efficientnetB2 = efficientnet('efficientnetB2', { width: 1.1, depth: 1.2, dropped: 0.3 });
/** EfficientNet-B3: 12.2 million parameters; published for 300x300. */
export const efficientnetB3 = efficientnet('efficientnetB3', { width: 1.2, depth: 1.4, dropped: 0.3 });
/** EfficientNet-B4: 19.3 million parameters; published for 380x380. */
export const efficientnetB4 = efficientnet('efficientnetB4', { width: 1.4, depth: 1.8, dropped: 0.4 });
