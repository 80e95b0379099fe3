// The convolutions that a convolution's gradients are. Sizes in, sizes out: no tensors.
//
// Of y = conv(x, w), which correlates x with w: x's gradient is upstream convolved with w, every kernel turned over and in-
// and outputs exchanged, which is the transposed convolution with w itself; w's gradient correlates x with upstream. A
// transposed convolution y = conv^T(x, w) turns the roles round: x's gradient is the convolution of upstream, and w's
// correlates upstream with x.

import type { ConvGeometry, Triple } from '../../binding.js';
import { NO_ACTIVATION } from './activation.js';
import { type Algorithm, chooseAlgorithm, chooseGradientAlgorithm } from './algorithm.js';
import type { ConvSettings } from './conv-options.js';

const NO_PADDING: Triple = [0, 0, 0];
const PLAIN = {
  activation: NO_ACTIVATION,
  algorithm: 'direct',
  inputLayout: 'channelsLast',
  outputLayout: 'channelsLast',
} as const;

const triple = (of: (axis: 0 | 1 | 2) => number): Triple => [of(0), of(1), of(2)];

/** The size of an image with its padding. */
export const paddedSize = (g: ConvGeometry): Triple =>
  triple((axis) => g.inputSize[axis] + g.padBegin[axis] + g.padEnd[axis]);

/** Whether zeros are all that padding adds, if it adds any: only then are taps in it left out. */
export const padsWithZeros = (g: ConvGeometry): boolean =>
  g.paddingMode === 'zeros' || (g.padBegin.every((pad) => pad === 0) && g.padEnd.every((pad) => pad === 0));

/**
 * What makes the input's gradient from the output's, with the same weight. Where padding repeats elements of the input, it
 * makes the gradient of the padded image, which is then to be folded. The algorithm is chosen anew, as for a layer of these
 * sizes: a convolution of stride 1 may use Winograd's whichever way it goes.
 */
export function inputGradientGeometry(g: ConvGeometry, asked: Algorithm): ConvGeometry {
  const geometry = g.transposed ? forwardOf(g) : backwardOf(g);
  return { ...geometry, algorithm: chooseAlgorithm(asked, g.transposed ? geometry : turnedOver(geometry)) };
}

/** The plain convolution that a transposed one of stride 1 is, every kernel turned over. */
function turnedOver(g: ConvGeometry): ConvGeometry {
  const opposite = (pads: Triple) =>
    triple((axis) => g.dilation[axis] * (g.kernelSize[axis] - 1) - pads[axis]);
  return { ...g, padBegin: opposite(g.padBegin), padEnd: opposite(g.padEnd), transposed: false };
}

function backwardOf(g: ConvGeometry): ConvGeometry {
  const folds = !padsWithZeros(g);
  return {
    ...g,
    ...PLAIN,
    inChannels: g.outChannels,
    outChannels: g.inChannels,
    inputSize: g.outputSize,
    outputSize: folds ? paddedSize(g) : g.inputSize,
    padBegin: folds ? NO_PADDING : g.padBegin,
    padEnd: folds ? NO_PADDING : g.padEnd,
    paddingMode: 'zeros',
    transposed: true,
  };
}

/**
 * The convolution whose weight gradient is wanted, and how it is computed. Of a transposed one its operands are upstream and x,
 * in that order, and it is summed directly.
 */
export const weightGradientGeometry = (g: ConvGeometry, asked: Algorithm): ConvGeometry =>
  g.transposed ? forwardOf(g) : { ...g, ...PLAIN, algorithm: chooseGradientAlgorithm(asked, g) };

/**
 * The convolution that a transposed one transposes. Output padding beyond what its windows reach is left out of its input:
 * padding at the end gives way first, then positions (inputSize is less than the transposed one's output then).
 */
function forwardOf(g: ConvGeometry): ConvGeometry {
  const reached = triple((axis) => {
    const extent = g.dilation[axis] * (g.kernelSize[axis] - 1) + 1;
    return g.inputSize[axis] * g.stride[axis] - 1 + extent; // of the padded image: one more is another window
  });
  const beyond = triple((axis) =>
    Math.max(0, g.outputSize[axis] + g.padBegin[axis] + g.padEnd[axis] - reached[axis]),
  );
  const padEnd = triple((axis) => Math.max(0, g.padEnd[axis] - beyond[axis]));
  return {
    ...g,
    ...PLAIN,
    inChannels: g.outChannels,
    outChannels: g.inChannels,
    inputSize: triple((axis) => g.outputSize[axis] - Math.max(0, beyond[axis] - g.padEnd[axis])),
    outputSize: g.inputSize,
    padEnd,
    transposed: false,
  };
}

/** Settings that ask for such a convolution at its own size: what its filter is kept under. */
export const settingsOf = (g: ConvGeometry, rank: number, algorithm: Algorithm): ConvSettings => ({
  rank,
  stride: g.stride,
  dilation: g.dilation,
  padding: { rule: 'explicit', begin: g.padBegin, end: g.padEnd },
  groups: g.groups,
  paddingMode: g.paddingMode,
  activation: NO_ACTIVATION,
  algorithm,
  transposed: g.transposed,
  outputPadding: NO_PADDING,
});
