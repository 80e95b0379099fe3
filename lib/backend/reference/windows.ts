// Reference unfold and fold: the windows of a convolution as columns, and columns summed back into images.
import type { Triple, WindowGeometry } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { checkApart, checkCount, checkFloats, checkTriple, countElements } from './checks.js';
import type { Work } from './jobs.js';
import { type Axis, axisOf, faultOf, NO_TAP, tapSources, transposedTapSources } from './padding.js';

const AXES = ['depth', 'height', 'width'] as const;

const product = (sizes: Triple): number => sizes[0] * sizes[1] * sizes[2];

interface Windows {
  readonly taps: number;
  readonly positions: number;
  readonly imageLength: number;
  readonly columnLength: number;
  readonly axes: readonly Axis[];
}

function checkWindow(operation: string, window: WindowGeometry): Windows {
  if (typeof window !== 'object' || window === null)
    throw wrongType(operation, `window must be an object, got ${show(window)}`);
  checkCount(operation, 'channels', window.channels, 1);
  for (const name of ['inputSize', 'kernelSize', 'stride', 'dilation', 'outputSize'] as const)
    checkTriple(operation, name, window[name], 1);
  for (const name of ['padBegin', 'padEnd'] as const) checkTriple(operation, name, window[name], 0);
  const axes = AXES.map((name, index): Axis => {
    const axis = axisOf(window, index);
    const fault = faultOf(axis, 'zeros');
    if (fault !== null) throw wrongValue(operation, `along ${name}, ${fault}`);
    return axis;
  });
  const { channels, kernelSize, outputSize, inputSize } = window;
  return {
    taps: product(kernelSize),
    positions: product(outputSize),
    imageLength: countElements(operation, 'one image', [channels, ...inputSize]),
    columnLength: countElements(operation, 'the columns of one image', [
      channels,
      ...kernelSize,
      ...outputSize,
    ]),
    axes,
  };
}

function checkArrays(
  operation: string,
  x: Float32Array,
  y: Float32Array,
  batch: number,
  lengths: readonly [x: number, y: number],
): void {
  checkCount(operation, 'batch', batch, 0);
  checkFloats(operation, 'x', x, batch * lengths[0]);
  checkFloats(operation, 'y', y, batch * lengths[1]);
  checkApart(operation, y, [x], 'none');
}

/** One unit is one row of y: a tap of a channel of an image, at every position. */
export function unfoldWork(window: WindowGeometry, x: Float32Array, y: Float32Array, batch: number): Work {
  const { taps, positions, imageLength, columnLength, axes } = checkWindow('unfold', window);
  checkArrays('unfold', x, y, batch, [imageLength, columnLength]);
  const { channels, kernelSize, outputSize, inputSize } = window;
  const sources = axes.map((axis) => tapSources(axis, 'zeros'));
  const rows = channels * taps;
  const runRow = (unit: number) => {
    const image = Math.floor(unit / rows);
    const channel = Math.floor((unit - image * rows) / taps);
    const tap = unit % taps;
    const k = tap % kernelSize[2];
    const j = Math.floor(tap / kernelSize[2]) % kernelSize[1];
    const i = Math.floor(tap / (kernelSize[2] * kernelSize[1]));
    let at = unit * positions;
    for (let od = 0; od < outputSize[0]; od++) {
      const d = sources[0][od * kernelSize[0] + i];
      for (let oh = 0; oh < outputSize[1]; oh++) {
        const h = sources[1][oh * kernelSize[1] + j];
        for (let ow = 0; ow < outputSize[2]; ow++) {
          const w = sources[2][ow * kernelSize[2] + k];
          const padding = d === NO_TAP || h === NO_TAP || w === NO_TAP;
          const pixel = (d * inputSize[1] + h) * inputSize[2] + w;
          y[at++] = padding ? 0 : x[image * imageLength + pixel * channels + channel];
        }
      }
    }
  };
  return {
    units: batch * rows,
    run(begin, end) {
      for (let unit = begin; unit < end; unit++) runRow(unit);
    },
  };
}

/** One unit is one pixel of y, with all its channels. */
export function foldWork(window: WindowGeometry, x: Float32Array, y: Float32Array, batch: number): Work {
  const { taps, positions, imageLength, columnLength, axes } = checkWindow('fold', window);
  checkArrays('fold', x, y, batch, [columnLength, imageLength]);
  const { channels, kernelSize, outputSize, inputSize } = window;
  // The columns that read a pixel are those that a transposed convolution would gather for it.
  const sources = axes.map((axis) =>
    transposedTapSources({ ...axis, input: axis.output, output: axis.input }),
  );
  const pixels = product(inputSize);
  const runPixel = (unit: number) => {
    const image = Math.floor(unit / pixels);
    const pixel = unit - image * pixels;
    const width = pixel % inputSize[2];
    const height = Math.floor(pixel / inputSize[2]) % inputSize[1];
    const depth = Math.floor(pixel / (inputSize[2] * inputSize[1]));
    const sums = y.subarray(unit * channels, (unit + 1) * channels).fill(0);
    let tap = 0;
    for (let i = 0; i < kernelSize[0]; i++) {
      const d = sources[0][depth * kernelSize[0] + i];
      for (let j = 0; j < kernelSize[1]; j++) {
        const h = sources[1][height * kernelSize[1] + j];
        for (let k = 0; k < kernelSize[2]; k++, tap++) {
          const w = sources[2][width * kernelSize[2] + k];
          if (d === NO_TAP || h === NO_TAP || w === NO_TAP) continue;
          const position = (d * outputSize[1] + h) * outputSize[2] + w;
          const from = image * columnLength + tap * positions + position;
          // Sums are rounded to float32 as they are stored, and never -0, since they begin at +0.
          for (let c = 0; c < channels; c++) sums[c] += x[from + c * taps * positions];
        }
      }
    }
  };
  return {
    units: batch * pixels,
    run(begin, end) {
      for (let unit = begin; unit < end; unit++) runPixel(unit);
    },
  };
}
