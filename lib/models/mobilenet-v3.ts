// MobileNet v3 (Howard et al. 2019): v2's blocks, found by search, some with squeeze-and-excitation, most with hardswish. Names of
// weights are torchvision's.

import { Hardswish } from '../nn/activations.js';
import { Dropout } from '../nn/dropout.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { flatten } from '../ops/rearrange.js';
import type { Tensor } from '../tensor/tensor.js';
import { convNorm, withResidual } from './blocks.js';
import { backwards, begin, small } from './initial.js';
import { type ClassifierOptions, numClassesOf } from './options.js';
import { multipleOf8, SqueezeExcitation } from './squeeze-excitation.js';

/** How all of its normalisations are set. */
const NORM = { eps: 1e-3, momentum: 0.01 };

/** Kernel size, widened channels, output channels, whether channels are weighed, the activation, stride. */
type Row = readonly [number, number, number, boolean, 'relu' | 'hardswish', number];

/** Widens, filters depthwise, weighs its channels perhaps, narrows; the input goes around where sizes allow. */
class InvertedResidual extends Module {
  block: Sequential;
  readonly #around: boolean;

  constructor(inChannels: number, [kernelSize, width, outChannels, weighed, activation, stride]: Row) {
    super();
    const settings = { ...NORM, activation };
    const squeezed = multipleOf8(Math.floor(width / 4));
    this.block = new Sequential(
      ...(width === inChannels ? [] : [convNorm(inChannels, width, 1, settings)]),
      convNorm(width, width, kernelSize, { ...settings, stride, groups: width }),
      ...(weighed
        ? [new SqueezeExcitation(width, squeezed, { activation: 'relu', gate: 'hardsigmoid' })]
        : []),
      convNorm(width, outChannels, 1, { ...NORM, activation: 'none' }),
    );
    this.#around = stride === 1 && inChannels === outChannels;
  }

  override forward(x: Tensor): Tensor {
    return this.#around ? withResidual(this.block, x, x) : this.block.forward(x);
  }
}

/** x [N, 3, H, W] gives logits [N, numClasses]; the images were 224x224 when it was published. */
export class MobileNetV3 extends Module {
  features: Sequential;
  avgpool = new AdaptiveAvgPool2d(1);
  classifier: Sequential;

  /** @internal */
  constructor(rows: readonly Row[], hidden: number, numClasses: number) {
    super();
    let inChannels = 16;
    const blocks = rows.map((row) => {
      const block = new InvertedResidual(inChannels, row);
      inChannels = row[2];
      return block;
    });
    const last = 6 * inChannels;
    this.features = new Sequential(
      convNorm(3, 16, 3, { ...NORM, stride: 2, activation: 'hardswish' }),
      ...blocks,
      convNorm(inChannels, last, 1, { ...NORM, activation: 'hardswish' }),
    );
    this.classifier = new Sequential(
      new Linear(last, hidden),
      new Hardswish(),
      new Dropout(0.2),
      new Linear(hidden, numClasses),
    );
  }

  override forward(x: Tensor): Tensor {
    const pooled = this.avgpool.forward(this.features.forward(x));
    return this.classifier.forward(flatten(pooled, { startDim: 1 }));
  }
}

const SMALL: readonly Row[] = [
  [3, 16, 16, true, 'relu', 2],
  [3, 72, 24, false, 'relu', 2],
  [3, 88, 24, false, 'relu', 1],
  [5, 96, 40, true, 'hardswish', 2],
  [5, 240, 40, true, 'hardswish', 1],
  [5, 240, 40, true, 'hardswish', 1],
  [5, 120, 48, true, 'hardswish', 1],
  [5, 144, 48, true, 'hardswish', 1],
  [5, 288, 96, true, 'hardswish', 2],
  [5, 576, 96, true, 'hardswish', 1],
  [5, 576, 96, true, 'hardswish', 1],
];

const LARGE: readonly Row[] = [
  [3, 16, 16, false, 'relu', 1],
  [3, 64, 24, false, 'relu', 2],
  [3, 72, 24, false, 'relu', 1],
  [5, 72, 40, true, 'relu', 2],
  [5, 120, 40, true, 'relu', 1],
  [5, 120, 40, true, 'relu', 1],
  [3, 240, 80, false, 'hardswish', 2],
  [3, 200, 80, false, 'hardswish', 1],
  [3, 184, 80, false, 'hardswish', 1],
  [3, 184, 80, false, 'hardswish', 1],
  [3, 480, 112, true, 'hardswish', 1],
  [3, 672, 112, true, 'hardswish', 1],
  [5, 672, 160, true, 'hardswish', 2],
  [5, 960, 160, true, 'hardswish', 1],
  [5, 960, 160, true, 'hardswish', 1],
];

const mobilenetV3 =
  (label: string, rows: readonly Row[], hidden: number) =>
  (options?: ClassifierOptions): MobileNetV3 =>
    begin(new MobileNetV3(rows, hidden, numClassesOf(options, label)), {
      convolutions: backwards,
      linears: small,
    });

/** MobileNet v3 small: 2.5 million parameters, 0.06 GMACs an image of 224x224. */
export const mobilenetV3Small = mobilenetV3('mobilenetV3Small', SMALL, 1024);
/** MobileNet v3 large: 5.5 million parameters, 0.22 GMACs an image of 224x224. */
export const mobilenetV3Large = mobilenetV3('mobilenetV3Large', LARGE, 1280);
