// How published networks' weights begin, where not as layers do by themselves: PyTorch's initialisers, layer after layer, from
// `manualSeed`'s sequence. Nothing is drawn until someone reads it.

import { Conv1d, Conv2d, Conv3d } from '../nn/conv.js';
import { kaimingNormal, normal, zeros } from '../nn/init.js';
import { Linear } from '../nn/linear.js';
import type { Module } from '../nn/module.js';

type Weighted = Conv1d | Conv2d | Conv3d | Linear;

/** Fills what a layer has; `path` is where it is. */
type Fill = (layer: Weighted, path: string) => unknown;

/** Lets the layers of `net` begin anew, convolutions and linear ones where there is a function for them. */
export function begin<T extends Module>(net: T, fills: { convolutions?: Fill; linears?: Fill }): T {
  for (const [path, layer] of net.namedModules()) {
    if (layer instanceof Conv1d || layer instanceof Conv2d || layer instanceof Conv3d) {
      fills.convolutions?.(layer, path);
    } else if (layer instanceof Linear) fills.linears?.(layer, path);
  }
  return net;
}

export function noBias({ bias }: Weighted): void {
  if (bias !== null) zeros(bias);
}

/** Normal, so that gradients keep their size through a relu (He et al. 2015); no bias. */
export function backwards(layer: Weighted): void {
  kaimingNormal(layer.weight, { mode: 'fanOut', nonlinearity: 'relu' });
  noBias(layer);
}

/** Normal with a standard deviation of 0.01; no bias. */
export function small(layer: Weighted): void {
  normal(layer.weight, { std: 0.01 });
  noBias(layer);
}
