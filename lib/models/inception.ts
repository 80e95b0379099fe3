// Inception-v3 (Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer Vision"): branches whose large kernels
// are chains of small ones, square or long. Names of weights are torchvision's.

import { Dropout } from '../nn/dropout.js';
import { normal } from '../nn/init.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pool.js';
import { adaptiveAvgPool2d, avgPool2d, maxPool2d } from '../ops/pool.js';
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

const ROW = { padding: [0, 3] };
const COLUMN = { padding: [3, 0] };

const through = (x: Tensor, ...layers: Module[]): Tensor => layers.reduce((y, layer) => layer.forward(y), x);
const joined = (...branches: Tensor[]): Tensor => concat(branches, { dim: 1 });
const blurred = (x: Tensor): Tensor => avgPool2d(x, { kernelSize: 3, stride: 1, padding: 1 });

/** 1x1, 5x5, twice 3x3, and means. */
class InceptionA extends Module {
  branch1x1;
  branch5x5_1;
  branch5x5_2 = basicConv(48, 64, 5, { padding: 2 });
  branch3x3dbl_1;
  branch3x3dbl_2 = basicConv(64, 96, 3, { padding: 1 });
  branch3x3dbl_3 = basicConv(96, 96, 3, { padding: 1 });
  branch_pool;

  constructor(inChannels: number, pooled: number) {
    super();
    this.branch1x1 = basicConv(inChannels, 64, 1);
    this.branch5x5_1 = basicConv(inChannels, 48, 1);
    this.branch3x3dbl_1 = basicConv(inChannels, 64, 1);
    this.branch_pool = basicConv(inChannels, pooled, 1);
  }

  override forward(x: Tensor): Tensor {
    return joined(
      this.branch1x1.forward(x),
      through(x, this.branch5x5_1, this.branch5x5_2),
      through(x, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3),
      this.branch_pool.forward(blurred(x)),
    );
  }
}

/** To half the size: 3x3, twice 3x3, and maxima. */
class InceptionB extends Module {
  branch3x3;
  branch3x3dbl_1;
  branch3x3dbl_2 = basicConv(64, 96, 3, { padding: 1 });
  branch3x3dbl_3 = basicConv(96, 96, 3, { stride: 2 });

  constructor(inChannels: number) {
    super();
    this.branch3x3 = basicConv(inChannels, 384, 3, { stride: 2 });
    this.branch3x3dbl_1 = basicConv(inChannels, 64, 1);
  }

  override forward(x: Tensor): Tensor {
    return joined(
      this.branch3x3.forward(x),
      through(x, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3),
      maxPool2d(x, { kernelSize: 3, stride: 2 }),
    );
  }
}

/** 1x1, 7x7 as 1x7 and 7x1, the same twice, and means. */
class InceptionC extends Module {
  branch1x1;
  branch7x7_1;
  branch7x7_2;
  branch7x7_3;
  branch7x7dbl_1;
  branch7x7dbl_2;
  branch7x7dbl_3;
  branch7x7dbl_4;
  branch7x7dbl_5;
  branch_pool;

  constructor(inChannels: number, width: number) {
    super();
    this.branch1x1 = basicConv(inChannels, 192, 1);
    this.branch7x7_1 = basicConv(inChannels, width, 1);
    this.branch7x7_2 = basicConv(width, width, [1, 7], ROW);
    this.branch7x7_3 = basicConv(width, 192, [7, 1], COLUMN);
    this.branch7x7dbl_1 = basicConv(inChannels, width, 1);
    this.branch7x7dbl_2 = basicConv(width, width, [7, 1], COLUMN);
    this.branch7x7dbl_3 = basicConv(width, width, [1, 7], ROW);
    this.branch7x7dbl_4 = basicConv(width, width, [7, 1], COLUMN);
    this.branch7x7dbl_5 = basicConv(width, 192, [1, 7], ROW);
    this.branch_pool = basicConv(inChannels, 192, 1);
  }

  override forward(x: Tensor): Tensor {
    const twice = through(x, this.branch7x7dbl_1, this.branch7x7dbl_2, this.branch7x7dbl_3);
    return joined(
      this.branch1x1.forward(x),
      through(x, this.branch7x7_1, this.branch7x7_2, this.branch7x7_3),
      through(twice, this.branch7x7dbl_4, this.branch7x7dbl_5),
      this.branch_pool.forward(blurred(x)),
    );
  }
}

/** To half the size: 3x3, 7x7 and 3x3, and maxima. */
class InceptionD extends Module {
  branch3x3_1;
  branch3x3_2 = basicConv(192, 320, 3, { stride: 2 });
  branch7x7x3_1;
  branch7x7x3_2 = basicConv(192, 192, [1, 7], ROW);
  branch7x7x3_3 = basicConv(192, 192, [7, 1], COLUMN);
  branch7x7x3_4 = basicConv(192, 192, 3, { stride: 2 });

  constructor(inChannels: number) {
    super();
    this.branch3x3_1 = basicConv(inChannels, 192, 1);
    this.branch7x7x3_1 = basicConv(inChannels, 192, 1);
  }

  override forward(x: Tensor): Tensor {
    return joined(
      through(x, this.branch3x3_1, this.branch3x3_2),
      through(x, this.branch7x7x3_1, this.branch7x7x3_2, this.branch7x7x3_3, this.branch7x7x3_4),
      maxPool2d(x, { kernelSize: 3, stride: 2 }),
    );
  }
}

/** 1x1, 3x3 as 1x3 beside 3x1, the same behind another 3x3, and means. */
class InceptionE extends Module {
  branch1x1;
  branch3x3_1;
  branch3x3_2a = basicConv(384, 384, [1, 3], { padding: [0, 1] });
  branch3x3_2b = basicConv(384, 384, [3, 1], { padding: [1, 0] });
  branch3x3dbl_1;
  branch3x3dbl_2 = basicConv(448, 384, 3, { padding: 1 });
  branch3x3dbl_3a = basicConv(384, 384, [1, 3], { padding: [0, 1] });
  branch3x3dbl_3b = basicConv(384, 384, [3, 1], { padding: [1, 0] });
  branch_pool;

  constructor(inChannels: number) {
    super();
    this.branch1x1 = basicConv(inChannels, 320, 1);
    this.branch3x3_1 = basicConv(inChannels, 384, 1);
    this.branch3x3dbl_1 = basicConv(inChannels, 448, 1);
    this.branch_pool = basicConv(inChannels, 192, 1);
  }

  override forward(x: Tensor): Tensor {
    const once = this.branch3x3_1.forward(x);
    const twice = through(x, this.branch3x3dbl_1, this.branch3x3dbl_2);
    return joined(
      this.branch1x1.forward(x),
      this.branch3x3_2a.forward(once),
      this.branch3x3_2b.forward(once),
      this.branch3x3dbl_3a.forward(twice),
      this.branch3x3dbl_3b.forward(twice),
      this.branch_pool.forward(blurred(x)),
    );
  }
}

/** A classifier of a layer on the way. */
class InceptionAux extends Module {
  conv0;
  conv1 = basicConv(128, 768, 5);
  fc;

  constructor(inChannels: number, numClasses: number) {
    super();
    this.conv0 = basicConv(inChannels, 128, 1);
    this.fc = new Linear(768, numClasses);
  }

  override forward(x: Tensor): Tensor {
    const y = through(avgPool2d(x, { kernelSize: 5, stride: 3 }), this.conv0, this.conv1);
    return this.fc.forward(flatten(adaptiveAvgPool2d(y, { outputSize: 1 }), { startDim: 1 }));
  }
}

/** Logits [N, numClasses]; those of the classifier on the way are null but in training. */
export interface InceptionOutputs {
  readonly logits: Tensor;
  readonly auxLogits: Tensor | null;
}

/** x [N, 3, H, W], from 75x75 on, gives logits [N, numClasses]; the images were 299x299 when it was published. */
export class InceptionV3 extends Module {
  Conv2d_1a_3x3 = basicConv(3, 32, 3, { stride: 2 });
  Conv2d_2a_3x3 = basicConv(32, 32, 3);
  Conv2d_2b_3x3 = basicConv(32, 64, 3, { padding: 1 });
  maxpool1 = new MaxPool2d(3, { stride: 2 });
  Conv2d_3b_1x1 = basicConv(64, 80, 1);
  Conv2d_4a_3x3 = basicConv(80, 192, 3);
  maxpool2 = new MaxPool2d(3, { stride: 2 });
  Mixed_5b = new InceptionA(192, 32);
  Mixed_5c = new InceptionA(256, 64);
  Mixed_5d = new InceptionA(288, 64);
  Mixed_6a = new InceptionB(288);
  Mixed_6b = new InceptionC(768, 128);
  Mixed_6c = new InceptionC(768, 160);
  Mixed_6d = new InceptionC(768, 160);
  Mixed_6e = new InceptionC(768, 192);
  AuxLogits: InceptionAux | null = null;
  Mixed_7a = new InceptionD(768);
  Mixed_7b = new InceptionE(1280);
  Mixed_7c = new InceptionE(2048);
  avgpool = new AdaptiveAvgPool2d(1);
  dropout = new Dropout();
  fc: Linear;
  readonly transformInput: boolean;

  /** @internal */
  constructor({ numClasses, auxLogits, transformInput }: InceptionSettings) {
    super();
    if (auxLogits) this.AuxLogits = new InceptionAux(768, numClasses);
    this.fc = new Linear(2048, numClasses);
    this.transformInput = transformInput;
  }

  override forward(x: Tensor): Tensor {
    return this.#run(x, false).logits;
  }

  /** With the classifier on the way, whose loss counts 0.4 by custom. */
  forwardWithAux(x: Tensor): InceptionOutputs {
    return this.#run(x, this.training);
  }

  #run(x: Tensor, aux: boolean): InceptionOutputs {
    const layers = [
      ...[this.Conv2d_1a_3x3, this.Conv2d_2a_3x3, this.Conv2d_2b_3x3, this.maxpool1],
      ...[this.Conv2d_3b_1x1, this.Conv2d_4a_3x3, this.maxpool2, this.Mixed_5b, this.Mixed_5c],
      ...[this.Mixed_5d, this.Mixed_6a, this.Mixed_6b, this.Mixed_6c, this.Mixed_6d, this.Mixed_6e],
    ];
    const middle = through(this.transformInput ? transformed(x) : x, ...layers);
    const auxLogits = aux && this.AuxLogits !== null ? this.AuxLogits.forward(middle) : null;
    const features = through(middle, this.Mixed_7a, this.Mixed_7b, this.Mixed_7c);
    const pooled = this.dropout.forward(this.avgpool.forward(features));
    return { logits: this.fc.forward(flatten(pooled, { startDim: 1 })), auxLogits };
  }
}

/** The classifier on the way begins with smaller weights than the rest. torchvision cuts all off at 20 deviations, where there are none. */
const STD: Readonly<Record<string, number>> = { 'AuxLogits.conv1.conv': 0.01, 'AuxLogits.fc': 0.001 };

/** Inception-v3: 23.8 million parameters, 27.2 with the classifier on the way; 5.71 GMACs an image of 299x299. */
export function inceptionV3(options?: InceptionOptions): InceptionV3 {
  const drawn = ({ weight }: { weight: Tensor }, path: string) => normal(weight, { std: STD[path] ?? 0.1 });
  const net = new InceptionV3(inceptionSettings(options, 'inceptionV3'));
  return begin(net, { convolutions: drawn, linears: drawn });
}
