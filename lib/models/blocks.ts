// What most networks are made of: a convolution without bias, batch normalisation, an activation; a sum with what goes around.

import { Conv2d } from '../nn/conv.js';
import { Passage } from '../nn/in-turn.js';
import type { Module } from '../nn/module.js';
import { BatchNorm2d, BatchNorm3d } from '../nn/norm.js';
import { Sequential } from '../nn/sequential.js';
import type { ActivationName } from '../ops/activation.js';
import { add } from '../ops/arithmetic.js';
import type { Tensor } from '../tensor/tensor.js';

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
  /** The share of a batch's statistics in the running ones; 0.1. */
  momentum?: number;
}

/** Children '0', the convolution, and '1', the normalisation with its activation, as torchvision names them. */
export function convNorm(
  inChannels: number,
  outChannels: number,
  kernelSize: number,
  options: ConvNormOptions = {},
): Sequential {
  const { stride = 1, dilation = 1, groups = 1, activation = 'relu', eps, momentum } = options;
  const padding = options.padding ?? ((kernelSize - 1) / 2) * dilation;
  return new Sequential(
    new Conv2d(inChannels, outChannels, kernelSize, { stride, padding, dilation, groups, bias: false }),
    new BatchNorm2d(outChannels, { activation, eps, momentum }),
  );
}

/** What `body` makes of x, and `residual` added to it: inside its last layer, where that is a normalisation. */
export function withResidual(body: Module, x: Tensor, residual: Tensor): Tensor {
  if (body instanceof BatchNorm2d || body instanceof BatchNorm3d) return body.forward(x, { residual });
  if (!(body instanceof Sequential)) return add(body.forward(x), residual);
  const layers = body.namedChildren().map(([, layer]) => layer);
  const last = layers.pop();
  const passage = new Passage();
  const y = passage.through(x, layers);
  if (last === undefined) return add(y, residual);
  if (layers.length > 0) passage.handOn(layers[layers.length - 1], y, last);
  return passage.end(withResidual(last, y, residual));
}
