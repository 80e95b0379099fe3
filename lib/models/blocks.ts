// What most networks are made of: a convolution without bias, batch normalisation, an activation.

import { Conv2d } from '../nn/conv.js';
import { BatchNorm2d } from '../nn/norm.js';
import { Sequential } from '../nn/sequential.js';
import type { ActivationName } from '../ops/activation.js';

export interface ConvNormOptions {
  stride?: number;
  /** Of a 'same' size at stride 1 unless given. */
  padding?: number;
  dilation?: number;
  groups?: number;
  /** After the normalisation, in the same pass; 'relu'. */
  activation?: ActivationName;
  /** Added to the variance; 1e-5. */
  eps?: number;
}

/** Children '0', the convolution, and '1', the normalisation with its activation, as torchvision names them. */
export function convNorm(
  inChannels: number,
  outChannels: number,
  kernelSize: number,
  options: ConvNormOptions = {},
): Sequential {
  const { stride = 1, dilation = 1, groups = 1, activation = 'relu', eps = 1e-5 } = options;
  const padding = options.padding ?? ((kernelSize - 1) / 2) * dilation;
  return new Sequential(
    new Conv2d(inChannels, outChannels, kernelSize, { stride, padding, dilation, groups, bias: false }),
    new BatchNorm2d(outChannels, { activation, eps }),
  );
}
