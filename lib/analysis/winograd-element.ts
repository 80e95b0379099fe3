// One element of a layer that computes by Winograd's tiles, bit for bit: its tile alone, with one output channel.

import type { ConvGeometry, Triple } from '../../binding.js';
import { active } from '../backend/index.js';
import { NO_TAP } from '../backend/reference/padding.js';
import { TileAxis, tileOf } from '../backend/reference/winograd-work.js';
import type { ConvStep } from '../ops/trace.js';
import { logicalArray } from '../tensor/tensor.js';

/** The tile of an axis that holds output position `at`: where the input of its elements lies, and which of its outputs that is. */
function tileAround(geometry: ConvGeometry, axis: 1 | 2, tile: 2 | 4, at: number) {
  const { starts, sources } = new TileAxis(geometry, axis, tile);
  const dilation = geometry.dilation[axis];
  const index = starts.findIndex(
    (start) => start <= at && at < start + tile * dilation && (at - start) % dilation === 0,
  );
  const side = tile + 2;
  return {
    sources: sources.subarray(index * side, (index + 1) * side),
    within: (at - starts[index]) / dilation,
  };
}

/** The layer's own value at output position `at` of an image and output channel. */
export function winogradElement(
  { geometry, operation, inputs, weight, bias }: ConvStep,
  algorithm: 'winograd2' | 'winograd4',
  image: number,
  outChannel: number,
  at: Triple,
): number {
  const { inChannels, inputSize } = geometry;
  const tile = tileOf(algorithm);
  const side = tile + 2;
  const height = tileAround(geometry, 1, tile, at[1]);
  const width = tileAround(geometry, 2, tile, at[2]);
  const x = logicalArray(inputs[0], operation);
  const patch = new Float32Array(side * side * inChannels);
  for (let c = 0; c < inChannels; c++) {
    const plane = (image * inChannels + c) * inputSize[0] + at[0];
    for (let i = 0; i < side; i++) {
      const row = height.sources[i];
      for (let j = 0; j < side; j++) {
        const column = width.sources[j];
        if (row === NO_TAP || column === NO_TAP) continue;
        patch[(i * side + j) * inChannels + c] = x[(plane * inputSize[1] + row) * inputSize[2] + column];
      }
    }
  }

  const binding = active();
  const conv = binding.createConv({
    ...geometry,
    outChannels: 1,
    inputSize: [1, side, side],
    outputSize: [1, tile, tile],
    dilation: [1, 1, 1],
    padBegin: [0, 0, 0],
    padEnd: [0, 0, 0],
    paddingMode: 'zeros',
  });
  const taps = inChannels * 9;
  const filter = binding.packFilter(
    conv,
    logicalArray(weight, operation).slice(outChannel * taps, (outChannel + 1) * taps),
    bias === null ? null : logicalArray(bias, operation).slice(outChannel, outChannel + 1),
  );
  const outputs = new Float32Array(tile * tile);
  binding.conv(conv, filter, patch, outputs, 1);
  return outputs[height.within * tile + width.within];
}
