// Keras's way to write a list of layers.

import { show, wrongType } from '../errors.js';
import type { Module } from '../nn/module.js';
import { Sequential as NamedLayers } from '../nn/sequential.js';

/**
 * Layers one after another, given as one list.
 *
 * @example
 * const net = new Sequential([new Conv2D({ filters: 8, kernelSize: 3 }), new nn.ReLU()]);
 * net.forward(Tensor.zeros([1, 6, 6, 3])).shape; // [1, 4, 4, 8]
 */
export class Sequential extends NamedLayers {
  constructor(layers: readonly Module[]) {
    if (!Array.isArray(layers)) {
      throw wrongType('Sequential', `layers must be an array of layers, not ${show(layers)}`);
    }
    super(...layers);
  }
}
