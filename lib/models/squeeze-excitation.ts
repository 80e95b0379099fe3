// Squeeze-and-excitation (Hu, Shen, Sun 2017): each channel is multiplied by a number that all channels' means decide.

import { Conv2d } from '../nn/conv.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d } from '../nn/pool.js';
import type { ActivationName } from '../ops/activation.js';
import { mul } from '../ops/arithmetic.js';
import type { Tensor } from '../tensor/tensor.js';

/** x [N, channels, H, W] in its own shape; `squeezed` is the width between the two small convolutions. */
export class SqueezeExcitation extends Module {
  avgpool = new AdaptiveAvgPool2d(1);
  fc1: Conv2d;
  fc2: Conv2d;

  constructor(
    channels: number,
    squeezed: number,
    { activation, gate }: { activation: ActivationName; gate: ActivationName },
  ) {
    super();
    this.fc1 = new Conv2d(channels, squeezed, 1, { activation });
    this.fc2 = new Conv2d(squeezed, channels, 1, { activation: gate });
  }

  override forward(x: Tensor): Tensor {
    return mul(this.fc2.forward(this.fc1.forward(this.avgpool.forward(x))), x);
  }
}

/** The nearest multiple of 8 to a scaled number of channels, but no less than nine tenths of it. */
export function multipleOf8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}
