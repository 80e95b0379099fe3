// Tensors as pictures: the maps of a layer's output, the kernels of its weight.

import { wrongShape, wrongValue } from '../errors.js';
import { Conv1d, Conv2d } from '../nn/conv.js';
import { ConvTranspose2d } from '../nn/conv-transpose.js';
import type { Module } from '../nn/module.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Tile } from './contact-sheet.js';

/** How many pictures there are in all, and the first of them. */
export interface Tiles {
  readonly count: number;
  readonly tiles: Tile[];
}

/** The maps of an output: [N, C, H, W] are N * C maps, [N, C, L] are N * C curves drawn as one row of pixels each. */
export function featureMaps(output: Tensor, layer: string, limit: number): Tiles {
  const { shape } = output;
  if (shape.length !== 3 && shape.length !== 4) {
    throw wrongShape(
      'show',
      `layer '${layer}' gives ${showShape(shape)}, which are no maps`,
      'choose a layer before they are flattened',
    );
  }
  const [batch, channels] = shape;
  const label = (i: number) => (batch === 1 ? `${i}` : `${Math.floor(i / channels)}:${i % channels}`);
  return planesOf(output, shape[2], shape.length === 4 ? shape[3] : 1, label, limit);
}

/**
 * The kernels of a layer's weight: one picture for each output channel and each input channel that it sees, or one RGB
 * picture an output channel where it sees three.
 */
export function kernels(layer: Module, path: string, limit: number, splitColours: boolean): Tiles {
  if (!(layer instanceof Conv1d || layer instanceof Conv2d || layer instanceof ConvTranspose2d)) {
    throw wrongValue(
      'show',
      `layer '${path}' is ${layer.constructor.name}, which has no 2-D kernels to draw`,
    );
  }
  const { weight } = layer;
  const [outer, inner, height, width = 1] = weight.shape;
  if (inner === 3 && !splitColours && layer instanceof Conv2d) return inColour(weight, limit);
  const label = (i: number) => (inner === 1 ? `${i}` : `${Math.floor(i / inner)}:${i % inner}`);
  return { ...planesOf(weight, height, width, label, limit), count: outer * inner };
}

function planesOf(
  tensor: Tensor,
  height: number,
  width: number,
  label: (i: number) => string,
  limit: number,
): Tiles {
  const { data } = tensor;
  const area = height * width;
  const count = area === 0 ? 0 : data.length / area;
  const tiles = Array.from({ length: Math.min(count, limit) }, (_, i): Tile => {
    const values = data.slice(i * area, (i + 1) * area);
    return {
      label: label(i),
      picture: height === 1 || width > 1 ? { values, width, height } : { values, width: height, height: 1 },
    };
  });
  return { count, tiles };
}

/** Filters over red, green and blue, each stretched so that zero is grey and its largest weight full colour. */
function inColour(weight: Tensor, limit: number): Tiles {
  const [count, , height, width] = weight.shape;
  const { data } = weight;
  const area = height * width;
  const tiles = Array.from({ length: Math.min(count, limit) }, (_, i): Tile => {
    const filter = data.slice(i * 3 * area, (i + 1) * 3 * area);
    const reach = filter.reduce((most, tap) => Math.max(most, Math.abs(tap)), 0) || 1;
    const pixels = Uint8Array.from({ length: 3 * area }, (_, at) =>
      Math.round(127.5 + (127.5 * filter[(at % 3) * area + Math.floor(at / 3)]) / reach),
    );
    return { label: `${i}`, picture: { data: pixels, width, height, channels: 3 } };
  });
  return { count, tiles };
}
